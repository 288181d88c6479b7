-- What wrk counted, as one line of JSON. Only done() is defined, so wrk calls no Lua while it measures.
function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        '\n{"microseconds":%d,"requests":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\n',
        summary.duration, summary.requests,
        errors.connect, errors.read, errors.write, errors.timeout, errors.status
    ))
end
