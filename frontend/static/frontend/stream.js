/* Follows one session's log: WebSocket first, long-poll when none can be had; resumes from the last seq it has seen. */

const FIRST_DELAY = 400;
const LONGEST_DELAY = 15000;
const FINAL = new Set(["session.completed", "session.failed", "session.cancelled"]);
const REFUSED = { 4401: "Please sign in again.", 4403: "You may not follow this session.", 4404: "This session is gone.", 4410: "This session was deleted by its retention." };

/**
 * onFrame(frame) gets every stored frame once and in order, and token frames as they come.
 * onState(state, text) gets "live", "retrying", "polling", "refused" or "ended".
 */
export class SessionStream {
  constructor({ socketUrl, eventsUrl, after, onFrame, onState }) {
    Object.assign(this, { socketUrl, eventsUrl, onFrame, onState, seq: after });
    this.failures = 0;
    this.everOpened = false;
    this.ended = false;
    this.socket = null;
    window.addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.hurry());
  }

  start() {
    this.connect();
    return this;
  }

  stop(state = "ended", text = "") {
    this.ended = true;
    clearTimeout(this.timer);
    this.socket?.close(1000);
    this.onState(state, text);
  }

  hurry() {
    if (this.ended || !this.timer) return;
    clearTimeout(this.timer);
    this.timer = null;
    this.connect();
  }

  connect() {
    if (this.ended) return;
    this.timer = null;
    const url = new URL(this.socketUrl, window.location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.searchParams.set("after", this.seq);
    let socket;
    try {
      socket = new WebSocket(url);
    } catch {
      this.retry();
      return;
    }
    this.socket = socket;
    socket.onopen = () => {
      this.failures = 0;
      this.everOpened = true;
      this.onState("live", "Live");
    };
    socket.onmessage = (message) => this.take(parse(message.data));
    socket.onclose = (event) => {
      if (this.ended || this.socket !== socket) return;
      if (REFUSED[event.code]) this.stop("refused", REFUSED[event.code]);
      else this.retry();
    };
  }

  retry() {
    this.failures += 1;
    if (this.failures >= (this.everOpened ? 8 : 3)) {
      this.poll();
      return;
    }
    const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (this.failures - 1)) * (0.6 + 0.4 * Math.random());
    this.onState("retrying", "Connection lost, trying again…");
    this.timer = setTimeout(() => this.connect(), delay);
  }

  /* One long-poll after the other; a failure goes back to trying the socket. */
  async poll() {
    this.onState("polling", "Following (no live socket)");
    while (!this.ended) {
      const url = new URL(this.eventsUrl, window.location.href);
      url.searchParams.set("after", this.seq);
      url.searchParams.set("wait", "20");
      try {
        const answer = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
        if ([401, 403, 404].includes(answer.status)) {
          this.stop("refused", REFUSED[4000 + answer.status]);
          return;
        }
        if (!answer.ok) throw new Error(String(answer.status));
        const page = await answer.json();
        for (const frame of page.results ?? page.events ?? []) this.take(frame);
      } catch {
        this.failures = 1;
        this.everOpened = true;
        this.retry();
        return;
      }
    }
  }

  take(frame) {
    if (!frame || this.ended) return;
    if (frame.seq === null || frame.seq === undefined) {
      if (frame.type === "token") this.onFrame(frame);
      return;
    }
    if (frame.seq <= this.seq) return;
    if (frame.seq > this.seq + 1) {
      this.socket?.close(4000); /* a hole: ask again from where we stand */
      return;
    }
    this.seq = frame.seq;
    this.onFrame(frame);
    if (FINAL.has(frame.type)) this.stop();
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
