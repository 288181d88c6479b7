"""Read with a limit in bytes and in seconds; write only what is the zoo's."""
