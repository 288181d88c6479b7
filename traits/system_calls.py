"""How many system calls and forks does one request cost?"""

from gateway_zoo.traits.outcome import NotAsked, Outcome

AXIS = "Cost"
QUESTION = "How many system calls and forks for one request?"
WHY = """
Each system call enters the kernel, and a new process costs hundreds of them: it loads its libraries, and Python its
modules. So a request under CGI costs fifteen to a hundred times as many calls as in a process that waits. Among those
that wait, the number tells how often a server looks at its sockets, wakes another thread, or asks the clock; in flup's
forking server one connection wakes all four processes, and three find nothing. The gateway alone is counted, without
the front.
"""
SOURCE = "strace(1); fork(2), execve(2)"
SCOPE = "family"
RUNS = 1
UNIT = "calls"
WITHIN = 0.5


def app(environ, start_response):
    """Answer five bytes."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"pong\n"]


def probe(cells):
    """Start the family again under strace; ask each of its exhibits, without a front."""
    from gateway_zoo.traits.traced import traced

    results = {cell: NotAsked(f"{cell.front} itself runs it") for cell in cells if cell.inside}
    others = [cell for cell in cells if not cell.inside]
    if not others:
        return results
    counts = {}
    with traced(others[0]) as family:
        for cell in others:
            exhibit = cell.exhibit.id
            counts[exhibit] = counts.get(exhibit) or family.calls(cell.exhibit, "/system_calls/")
            cell.note("strace of one request", counts[exhibit].lines)
            forks = counts[exhibit].forks
            text = f"{forks} fork{'s' if forks > 1 else ''}" if forks else "no fork"
            results[cell] = Outcome(text, counts[exhibit].calls)
    return results
