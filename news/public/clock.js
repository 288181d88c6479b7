// Two clocks: the source's clock dates the items, this browser's clock dates their arrival. They may differ by seconds, and
// each may be set while the page is open.
//
// A measurement asks for the server's time. In the middle between question and answer, the server's time was our time plus
// the offset; the error is at most half the time from question to answer. So the fastest of the latest answers counts most.
// A delay waits for the next measurement: if two neighbours contradict each other, a clock was set between them, and the
// delays of that time are unknown.

const LATEST = 10;      // so many measurements; the fastest counts
const SLACK_MS = 5;     // the grain of a timer, and the delay that a busy machine adds in one direction

export class Clock {
  measured = [];        // { offset, within }: milliseconds, the latest last
  waiting = [];         // { ms, tell }: delays by the two clocks as they are, for the next measurement

  /** Server's time minus ours, in ms; undefined until it is known. */
  get offset() { return this.best?.offset; }
  get within() { return this.best?.within; }
  get best() { return this.measured.reduce((a, b) => (b.within < a.within ? b : a), this.measured[0]); }

  /** A question left at `sent` and its answer was here at `received` (both ms, ours); it said `server` (ms). */
  heard(sent, received, server) {
    const next = { offset: server - (sent + received) / 2, within: (received - sent) / 2 };
    const set = this.best && Math.abs(next.offset - this.offset) > next.within + this.within + SLACK_MS;
    this.measured = set ? [next] : [...this.measured, next].slice(-LATEST);
    const waiting = this.waiting;
    this.waiting = [];
    if (!set) waiting.forEach(({ ms, tell }) => tell(ms + this.offset));
    return set;
  }

  /** Tell the delay of an item that was made at `made` (server) and came at `came` (ours), when it is known. */
  delay(made, came, tell) { this.waiting.push({ ms: came - made, tell }); }

  forget() { this.waiting = []; }

  /** For people. */
  toString() {
    if (this.offset === undefined) return "";
    const off = Math.abs(this.offset);
    if (off <= this.within + SLACK_MS) return `Your clock and the server's agree to ${Math.ceil(this.within + SLACK_MS)} ms.`;
    const by = off < 1000 ? `${off.toFixed(0)} ms` : `${(off / 1000).toFixed(off < 10_000 ? 2 : 1)} s`;
    return `Your clock is ${by} ${this.offset > 0 ? "behind" : "ahead of"} the server's; corrected, to ${Math.ceil(this.within)} ms.`;
  }
}
