/* When each task waited and worked, as bars on one clock. SVG attributes only, so no inline style is needed. */

import { duration, serverNow } from "./format.js";
import { svg } from "./graph.js";

export class Timeline {
  constructor(container, model) {
    Object.assign(this, { container, model, rows: new Map() });
    container.replaceChildren();
    this.axis = document.createElement("div");
    this.axis.className = "axis";
    this.update();
  }

  update() {
    const { model } = this;
    const starts = [...model.tasks.values()].map((task) => (task.reused ? NaN : Date.parse(task.started_at))).filter(Number.isFinite);
    const begin = Date.parse(model.started_at ?? "") || Math.min(...starts, serverNow(model));
    const end = model.completed_at ? Date.parse(model.completed_at) : serverNow(model);
    const span = Math.max(end - begin, 20);
    for (const task of model.tasks.values()) this.row(task, begin, span);
    this.scale(span);
  }

  row(task, begin, span) {
    let row = this.rows.get(task.id);
    if (!row) {
      row = { name: cell("name truncate"), bars: svg("svg", { role: "img" }), duration: cell("dur") };
      this.rows.set(task.id, row);
      this.container.append(row.name, row.bars, row.duration);
    }
    row.name.textContent = task.name;
    row.name.title = task.name;
    const bars = barsOf(task, begin, span, serverNow(this.model));
    row.bars.replaceChildren(...bars);
    const worked = task.started_at ? (Date.parse(task.completed_at) || serverNow(this.model)) - Date.parse(task.started_at) : null;
    row.duration.textContent = task.reused ? "reused" : duration(worked);
    row.bars.setAttribute("aria-label", `${task.name}: ${task.reused ? "" : task.status.toLowerCase()} ${row.duration.textContent}`);
  }

  scale(span) {
    const marks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
      const mark = document.createElement("span");
      mark.textContent = share ? duration(span * share) : "0";
      return mark;
    });
    this.axis.replaceChildren(...marks);
    this.container.append(this.axis);
  }
}

function barsOf(task, begin, span, now) {
  const bars = [];
  const place = (from, to, kind, title) => {
    const x = Math.max(0, (100 * (from - begin)) / span);
    const width = Math.max(0.6, Math.min(100 - x, (100 * (to - from)) / span));
    const bar = svg("rect", { x: `${Math.min(x, 99.4)}%`, width: `${width}%`, y: 3, height: 14, rx: 3, class: kind });
    const words = svg("title", {});
    words.textContent = title;
    bar.append(words);
    bars.push(bar);
  };
  if (task.reused) place(begin, begin + span, "reuse", "reused: done in an earlier session");
  const queued = Date.parse(task.queued_at ?? "");
  const started = Date.parse(task.started_at ?? "");
  if (queued && (started || task.status === "QUEUED")) place(queued, started || now, "queue", "queued");
  for (const attempt of task.attempts) {
    const from = Date.parse(attempt.started_at ?? "");
    if (!from) continue;
    const to = Date.parse(attempt.completed_at ?? "") || now;
    place(from, to, `st st-${attempt.state}`, `attempt ${attempt.number}: ${attempt.state.toLowerCase()}, ${duration(to - from)}`);
  }
  return bars;
}

function cell(className) {
  const node = document.createElement("div");
  node.className = className;
  return node;
}
