// The four ways. Each is a function: way(base, hear) -> stop.
//
// `base` is the address of an exhibit's news. `hear` gets the events, and counts:
//   hear.asks()                  a request leaves
//   hear.answered(bytes)         so many bytes of an answer came
//   hear.sent(bytes)             so many bytes left after the request itself
//   hear.items([{n, at, text, worker}])   news
//   hear.done()                  the request is over
//   hear.fails(why, status, forever)  it does not work, now or for ever; `why` is the server's own line
// After 503 (no free place) the page tries again; after 501 it does not.

const POLL_MS = 1000;
const AGAIN_MS = 1000;
const PING_MS = 5000;
const encoded = new TextEncoder();
export const size = (text) => encoded.encode(text).length;

/** Bytes of the head of an answer as far as a script may see it. */
const headSize = (response) =>
  [...response.headers].reduce((sum, [name, value]) => sum + size(name) + size(value) + 4, 17);

/** Ask once. Resolves to the items, or to undefined after a failure that `hear` knows. */
async function ask(url, hear, signal) {
  hear.asks();
  try {
    const response = await fetch(url, { signal, cache: "no-store" });
    const body = await response.text();
    hear.answered(headSize(response) + size(body));
    if (response.ok) return JSON.parse(body);
    hear.fails(body.trim(), response.status);
  } catch (error) {
    if (!signal.aborted) hear.fails(`no answer: ${error.message}`);
  } finally {
    hear.done();
  }
}

/** Asks for what is newer than the last item, `pause` after each answer. */
function asking(url, pause) {
  return (base, hear) => {
    const control = new AbortController();
    let last = "", timer;
    const next = async () => {
      const items = await ask(`${base}${url}${last && `?since=${last}`}`, hear, control.signal);
      if (control.signal.aborted) return;
      if (items?.length) {
        last = items.at(-1).n;
        hear.items(items);
      }
      timer = setTimeout(next, items ? pause : AGAIN_MS);
    };
    next();
    return () => { clearTimeout(timer); control.abort(); };
  };
}

/** EventSource and WebSocket say nothing about a refusal; the same address asked by fetch does. */
async function reason(url, hear) {
  const control = new AbortController();
  try {
    const response = await fetch(url, { cache: "no-store", signal: control.signal });
    if (response.ok) return control.abort();  // by now there is a place
    const why = (await response.text()).trim() || `status ${response.status}`;
    hear.fails(why, response.status, response.status === 501);
    return response.status;
  } catch (error) {
    hear.fails(`no answer: ${error.message}`);
  }
}

export function events(base, hear) {
  let source, timer, stopped = false;
  const open = () => {
    hear.asks();
    source = new EventSource(`${base}/events`);
    source.onopen = () => hear.answered(0);
    source.onmessage = (event) => {
      hear.answered(size(`id: ${event.lastEventId}\ndata: ${event.data}\n\n`));
      hear.items([JSON.parse(event.data)]);
    };
    source.onerror = async () => {
      hear.done();
      if (source.readyState !== EventSource.CLOSED) return hear.asks();  // it comes again by itself, with Last-Event-ID
      await reason(`${base}/events`, hear);
      if (!stopped) timer = setTimeout(open, AGAIN_MS);
    };
  };
  open();
  return () => { stopped = true; clearTimeout(timer); source.close(); hear.done(); };
}

/** Frame sizes: RFC 6455, section 5.2. */
const frame = (text, masked) => (size(text) < 126 ? 2 : 4) + (masked ? 4 : 0) + size(text);

export function socket(base, hear) {
  const address = new URL(`${base}/socket`, location.href);
  const plain = address.href;
  address.protocol = address.protocol.replace("http", "ws");
  let opened, client, timer, again, stopped = false;
  const open = () => {
    opened = false;
    hear.asks();
    client = new WebSocket(address);
    client.onopen = () => {
      opened = true;
      hear.answered(0);
      timer = setInterval(() => say(JSON.stringify({ ping: Math.round(performance.now()) })), PING_MS);
    };
    const say = (text) => { client.send(text); hear.sent(frame(text, true)); };
    client.onmessage = ({ data }) => {
      hear.answered(frame(data, false));
      const said = JSON.parse(data);
      if ("pong" in said) hear.pong(performance.now() - said.pong);
      else hear.items([said]);
    };
    client.onclose = async () => {
      clearInterval(timer);
      hear.done();
      if (stopped) return;
      const status = opened ? 0 : await reason(plain, hear);
      if (!stopped && status !== 501) again = setTimeout(open, AGAIN_MS);  // 501 is for ever
    };
  };
  open();
  return () => { stopped = true; clearTimeout(again); client.close(); };
}

export const polling = asking("", POLL_MS);
export const long = asking("/long", 0);
