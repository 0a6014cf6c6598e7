/* The plan as a picture: dagre lays it out, SVG draws the edges, each node is a button that opens its task. */

import * as dagre from "../vendor/dagre.esm.js";
import { duration, serverNow } from "./format.js";

const NODE = { width: 190, height: 76 };
const MARGIN = 18;
const SVG = "http://www.w3.org/2000/svg";
const ICONS = { research: "search", synthesis: "layers", validation: "shield-check", planning: "diagram-3", scripted: "terminal" };
const MARKS = { COMPLETED: "check-circle-fill", FAILED: "x-circle-fill", CANCELLED: "slash-circle", SKIPPED: "skip-forward-circle" };

export class PlanGraph {
  constructor(container, model, onPick) {
    Object.assign(this, { container, model, onPick, nodes: new Map(), edges: new Map() });
    this.canvas = element("div", "canvas");
    this.svg = svg("svg", {});
    this.svg.setAttribute("aria-hidden", "true");
    this.canvas.append(this.svg);
    container.replaceChildren(this.canvas);
    new ResizeObserver(() => this.fit()).observe(container);
    this.layout();
  }

  layout() {
    const narrow = this.container.clientWidth < 560;
    const graph = new dagre.Graph();
    graph.setGraph({ rankdir: narrow ? "TB" : "LR", nodesep: 18, ranksep: narrow ? 34 : 44, marginx: MARGIN, marginy: MARGIN });
    graph.setDefaultEdgeLabel(() => ({}));
    for (const task of this.model.tasks.values()) graph.setNode(task.id, { ...NODE });
    for (const task of this.model.tasks.values()) {
      const before = task.depends_on.filter((earlier) => this.model.tasks.has(earlier));
      for (const earlier of before) graph.setEdge(earlier, task.id);
      if (!before.length && this.model.tasks.has(task.parent)) graph.setEdge(task.parent, task.id, { made: true });
    }
    if (this.model.tasks.size) dagre.layout(graph);
    const size = graph.graph();
    this.size = { width: finite(size.width, 2 * MARGIN), height: finite(size.height, 4 * MARGIN) };
    this.narrow = narrow;
    this.draw(graph);
    this.fit();
    this.update();
  }

  draw(graph) {
    this.svg.replaceChildren(arrowhead());
    this.edges.clear();
    for (const edge of graph.edges()) {
      const path = svg("path", { class: graph.edge(edge).made ? "edge made" : "edge", d: curve(graph.edge(edge).points, this.narrow), "marker-end": "url(#arrow)" });
      this.edges.set(`${edge.v}>${edge.w}`, path);
      this.svg.append(path);
    }
    for (const [id, node] of this.nodes) if (!this.model.tasks.has(id)) node.root.remove();
    for (const task of this.model.tasks.values()) {
      const node = this.nodes.get(task.id) ?? this.addNode(task);
      const place = graph.node(task.id);
      node.root.style.left = `${place.x - NODE.width / 2}px`;
      node.root.style.top = `${place.y - NODE.height / 2}px`;
    }
  }

  addNode(task) {
    const root = element("button", "node");
    root.type = "button";
    root.dataset.task = task.id;
    root.addEventListener("click", () => this.onPick(task.id));
    const top = element("span", "n-top");
    const icon = element("i", "bi");
    const name = element("span", "truncate");
    top.append(icon, name);
    const sub = element("span", "n-sub truncate");
    const foot = element("span", "n-foot");
    const bar = element("progress", "");
    bar.max = 100;
    const figure = element("span", "");
    foot.append(bar, figure);
    root.append(top, sub, foot);
    this.canvas.append(root);
    const node = { root, icon, name, sub, bar, figure };
    this.nodes.set(task.id, node);
    return node;
  }

  fit() {
    const room = this.container.clientWidth;
    if (!room) return;
    if (this.narrow !== room < 560) {
      this.layout();
      return;
    }
    const scale = Math.min(1, Math.max(0.7, room / this.size.width));
    this.canvas.style.transform = scale === 1 ? "" : `scale(${scale})`;
    this.canvas.style.width = `${this.size.width}px`;
    this.canvas.style.height = `${this.size.height}px`;
    this.canvas.style.marginLeft = `${Math.max(0, (room - this.size.width * scale) / 2)}px`;
    this.canvas.style.marginBottom = `${(scale - 1) * this.size.height}px`;
    this.canvas.style.marginRight = `${(scale - 1) * this.size.width}px`;
  }

  update() {
    for (const task of this.model.tasks.values()) {
      const node = this.nodes.get(task.id);
      if (!node) continue;
      const state = task.reused ? "reused" : task.status;
      if (node.root.dataset.status !== state) {
        node.root.className = `node st st-${task.status}${task.reused ? " reused" : ""}`;
        node.root.dataset.status = state;
      }
      node.icon.className = `bi bi-${task.reused ? "recycle" : (MARKS[task.status] ?? iconOf(task))}`;
      node.name.textContent = task.name;
      node.sub.textContent = task.agent ? task.agent.name : "no agent yet";
      node.bar.hidden = task.status !== "RUNNING";
      node.bar.value = task.progress;
      node.figure.textContent = footOf(task, this.model);
      node.root.title = task.note || `${task.name}: ${state.toLowerCase()}`;
      node.root.setAttribute("aria-label", `Task ${task.name}, ${state.toLowerCase()}, ${node.sub.textContent}`);
    }
    for (const [key, path] of this.edges) {
      const [from] = key.split(">");
      path.classList.toggle("done", this.model.tasks.get(from)?.status === "COMPLETED");
    }
  }

  /* A message went from one task's agent to another's: let its edge flow for a moment. */
  flow(from, to) {
    for (const [key, path] of this.edges) {
      const [start, end] = key.split(">");
      if ((from && start !== from) || (to && end !== to) || (!from && !to)) continue;
      path.classList.add("flow");
      setTimeout(() => path.classList.remove("flow"), 1800);
    }
  }
}

export function iconOf(task) {
  return ICONS[task.agent?.definition] ?? ICONS[task.task_type] ?? "cpu";
}

function footOf(task, model) {
  if (task.reused) return "reused";
  if (task.status === "RUNNING") return `${Math.round(task.progress)} %`;
  const again = (task.attempt ?? 1) > 1 ? ` · attempt ${task.attempt}` : "";
  if (!task.started_at) return task.status.toLowerCase() + again;
  const end = task.completed_at ? Date.parse(task.completed_at) : serverNow(model);
  return `${task.status.toLowerCase()} · ${duration(end - Date.parse(task.started_at))}${again}`;
}

function curve(points, narrow) {
  const [first, last] = [points[0], points.at(-1)];
  if (points.length <= 3) {
    const bend = narrow ? (last.y - first.y) / 2 : (last.x - first.x) / 2;
    const [a, b] = narrow
      ? [`${first.x} ${first.y + bend}`, `${last.x} ${last.y - bend}`]
      : [`${first.x + bend} ${first.y}`, `${last.x - bend} ${last.y}`];
    return `M${first.x} ${first.y} C${a} ${b} ${last.x} ${last.y}`;
  }
  let path = `M${first.x} ${first.y}`;
  for (let index = 1; index < points.length - 1; index += 1) {
    const [here, next] = [points[index], points[index + 1]];
    const stop = index === points.length - 2 ? next : { x: (here.x + next.x) / 2, y: (here.y + next.y) / 2 };
    path += ` Q${here.x} ${here.y} ${stop.x} ${stop.y}`;
  }
  return path;
}

function arrowhead() {
  const defs = svg("defs", {});
  const marker = svg("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" });
  marker.append(svg("path", { class: "arrow", d: "M0 .8 7.5 4 0 7.2z" }));
  defs.append(marker);
  return defs;
}

function finite(value, fallback) {
  return Number.isFinite(value) ? value : fallback;
}

function element(tag, className) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  return node;
}

export function svg(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}
