"""The command `hydra`: one group, its rule for errors, and the exit codes scripts rely on.

==== =================================================================
0    done
1    the job failed or was cancelled, or a check found something bad
2    Hydra could not do it: stderr says why, one sentence a line
130  Ctrl-C
==== =================================================================
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from hydra import __version__, annexes
from hydra.errors import HydraError

EXIT_ENDED_BADLY = 1
EXIT_ERROR = 2
EXIT_INTERRUPTED = 130

JOB_COMMANDS = ("pi", "submit", "jobs", "watch", "cancel", "workers", "profile")

OTHERS = {"pause": "pause", "resume": "pause", "bench": "bench", "simulate": "simulate"}
"""The rest, each with its module."""


class CommandGroup(click.Group):
    """A group that loads a command's module when it is called for, and turns errors into exits."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The job commands, those that start processes, the rest, and those of annexes."""
        from hydra.cli.processes import COMMANDS

        own = [*JOB_COMMANDS, *(str(command.name) for command in COMMANDS), *OTHERS]
        return [*own, *_of_annexes()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, or None."""
        if cmd_name in JOB_COMMANDS:
            from hydra.cli import jobs

            return jobs.COMMANDS[cmd_name]
        if cmd_name in OTHERS:
            found: click.Command = getattr(import_module(f"hydra.cli.{OTHERS[cmd_name]}"), cmd_name)
            return found
        if path := _of_annexes().get(cmd_name):
            command: click.Command = annexes.load(path)
            return command
        from hydra.cli.processes import COMMANDS

        return next((command for command in COMMANDS if command.name == cmd_name), None)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error of the tree is a sentence (one a field) and exit code 2."""
        try:
            return super().invoke(ctx)
        except HydraError as error:
            for sentence in dict.fromkeys([error.sentence, *(e.sentence for e in error.errors)]):
                click.echo(f"hydra: {sentence}", err=True)
            ctx.exit(EXIT_ERROR)
        except KeyboardInterrupt:
            ctx.exit(EXIT_INTERRUPTED)


def _of_annexes() -> dict[str, str]:
    return annexes.named(lambda annex: annex.commands)


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hydra")
def main() -> None:
    """Idle machines finish one big job together."""
