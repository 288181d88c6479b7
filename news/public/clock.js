// Two clocks: the source's, by which an item says when it was made, and this browser's. They may differ by seconds, and
// either may be set while the page is open.
//
// Each measurement is a question whose answer tells the server's time. In the middle between question and answer it was
// our time plus the offset, give or take half the way there and back; so the fastest of the latest answers counts most.
// A delay waits for the measurement after it: where two neighbours contradict each other, a clock was set in between,
// and the delays of that time are not known.

const LATEST = 10;      // measurements of which the fastest counts
const SLACK_MS = 5;     // a timer's grain, and what a busy machine adds on one way only

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
