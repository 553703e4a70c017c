"""What every route uses: the wire's types, the record of a route, body, reply, guard, metrics."""
