"""What every route uses: body, reply, guard, schema."""
