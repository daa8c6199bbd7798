"""The command line: parse, call `app`, render, map an error to an exit status. It holds no rules."""
