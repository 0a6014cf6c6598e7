/* The session page, live: frames go into the model, the model into graph, timeline, tasks, messages and log. */

import { clock, duration, gist, pretty, serverNow } from "./format.js";
import { PlanGraph, iconOf } from "./graph.js";
import { FINISHED, agentOf, applyFrame, createModel, finishedShare } from "./model.js";
import { localTimes } from "./page.js";
import { SessionStream } from "./stream.js";
import { Timeline } from "./timeline.js";

const LONGEST_FEED = 1000;
const page = document.getElementById("session");
const model = createModel(JSON.parse(document.getElementById("session-data").textContent));
model.clock_offset = Date.parse(model.now) - Date.now();

const graph = new PlanGraph(document.getElementById("graph"), model, openTask);
const timeline = new Timeline(document.getElementById("timeline"), model);
const feeds = { messages: document.getElementById("messages"), log: document.getElementById("log") };
const counts = { messages: document.getElementById("message-count"), log: document.getElementById("log-count") };
const coming = { messages: [], log: [] };
let painting = false;
feeds.log.classList.remove("js-hidden");
feeds.log.hidden = true;

const stream = new SessionStream({
  socketUrl: page.dataset.socketUrl,
  eventsUrl: page.dataset.eventsUrl,
  after: model.last_seq,
  onFrame: take,
  onState: showStreamState,
});
if (!FINISHED.has(model.status)) stream.start();
else showStreamState("ended", "");
const ticking = setInterval(() => (FINISHED.has(model.status) ? clearInterval(ticking) : paint()), 500);
paint();

function take(frame) {
  if (frame.type === "token") {
    showToken(frame);
    return;
  }
  const changed = applyFrame(model, frame);
  if (frame.type === "message.sent") addMessage(frame);
  addLogLine(frame);
  if (changed === "structure") relayout();
  if (changed === "session") refreshSoon(FINISHED.has(model.status) ? 0 : 60);
  else if (["structure", "task"].includes(changed) && frame.type !== "execution.progress") refreshSoon(700);
  paint();
}

let laying = null;
function relayout() {
  laying ??= requestAnimationFrame(() => {
    laying = null;
    graph.layout();
  });
}

function paint() {
  if (painting) return;
  painting = true;
  requestAnimationFrame(() => {
    painting = false;
    paintFeeds();
    graph.update();
    timeline.update();
    paintTasks();
    paintHead();
  });
}

function paintHead() {
  const { done, total, share } = finishedShare(model);
  const state = document.getElementById("status");
  if (state.dataset.status !== model.status) {
    state.className = `pill st st-${model.status}`;
    state.dataset.status = model.status;
    state.textContent = model.status.toLowerCase();
  }
  document.getElementById("done").textContent = `${done} of ${total} tasks`;
  const bar = document.getElementById("share");
  bar.className = `st st-${model.status}`;
  bar.value = FINISHED.has(model.status) && model.status === "COMPLETED" ? 1 : share;
  const begin = Date.parse(model.started_at ?? model.created_at);
  const end = model.completed_at ? Date.parse(model.completed_at) : serverNow(model);
  document.getElementById("elapsed").textContent = duration(end - begin);
  const activity = document.getElementById("activity");
  if (activity && model.activity && !FINISHED.has(model.status)) activity.textContent = model.activity;
}

function paintTasks() {
  for (const task of model.tasks.values()) {
    const row = document.getElementById(`task-${task.id}`);
    if (!row) continue;
    const pill = row.querySelector("[data-field=status]");
    row.dataset.status = task.status;
    pill.className = `pill st st-${task.status}${task.reused ? " reused" : ""}`;
    pill.textContent = task.reused ? "reused" : task.status.toLowerCase();
    row.querySelector("[data-field=dot]").className = `dot st st-${task.status}`;
    row.querySelector("[data-field=agent]").textContent = task.agent?.name ?? "no agent yet";
    row.querySelector("[data-field=note]").textContent = task.note ?? "";
    const bar = row.querySelector("progress");
    bar.className = `st st-${task.status}`;
    bar.value = task.progress;
    const end = task.completed_at ? Date.parse(task.completed_at) : serverNow(model);
    row.querySelector("[data-field=duration]").textContent = task.started_at && !task.reused ? duration(end - Date.parse(task.started_at)) : "";
  }
}

function openTask(id) {
  const row = document.getElementById(`task-${id}`);
  if (!row) return;
  row.open = true;
  row.scrollIntoView({ block: "center", behavior: "smooth" });
  row.querySelector("summary").focus({ preventScroll: true });
}

/* Answer, figures, buttons and task details come ready-made from the server: one renderer, complete after reload too. */
let refreshTimer = null;
let refreshing = false;
function refreshSoon(delay) {
  clearTimeout(refreshTimer);
  refreshTimer = setTimeout(refresh, delay);
}

async function refresh() {
  if (refreshing) {
    refreshSoon(300);
    return;
  }
  refreshing = true;
  try {
    const answer = await fetch(window.location.pathname, { credentials: "same-origin" });
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.querySelectorAll("[data-swap]").forEach((region) => swap(region, fresh.getElementById(region.id)));
    completeMessages(fresh);
    paint();
  } catch {
    if (!FINISHED.has(model.status) || refreshTries++ < 8) refreshSoon(1500);
  } finally {
    refreshing = false;
  }
}
let refreshTries = 0;

function swap(region, fresh) {
  if (!fresh || region.innerHTML === fresh.innerHTML) return;
  const focused = region.contains(document.activeElement) ? document.activeElement.id : "";
  const open = [...region.querySelectorAll("details[open][id]")].map((node) => node.id);
  region.replaceChildren(...fresh.childNodes);
  open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  localTimes(region);
}

function addMessage(frame) {
  const { data } = frame;
  if (data.message && document.getElementById(`message-${data.message}`)) return;
  const item = clone("message-template");
  if (data.message) item.id = `message-${data.message}`;
  fill(item, "from", agentOf(model, data.from ?? frame.agent)?.name ?? "an agent");
  fill(item, "to", data.to ? agentOf(model, data.to).name : "everyone");
  fill(item, "type", data.message_type === "NOTIFICATION" ? "" : String(data.message_type ?? "").toLowerCase());
  item.querySelector("[data-icon]").className = `bi bi-${iconOf({ agent: agentOf(model, data.from ?? frame.agent) })}`;
  fill(item, "topic", data.topic ?? "");
  fill(item, "gist", gist(data.content));
  fill(item, "content", pretty(data.content));
  if (data.content?.truncated === true) item.dataset.short = "";
  stamp(item, frame.at);
  append("messages", item);
  graph.flow(data.from_task ?? frame.task, data.to_task);
}

/* An event cuts a long message short; the page that came from the server has all of it. */
function completeMessages(fresh) {
  for (const item of feeds.messages.querySelectorAll("[data-short]")) {
    const whole = fresh.getElementById(item.id);
    if (!whole) continue;
    item.removeAttribute("data-short");
    for (const field of ["gist", "content"]) {
      fill(item, field, whole.querySelector(`[data-field=${field}]`).textContent);
    }
  }
}

function addLogLine(frame) {
  const item = clone("log-template");
  item.dataset.seq = frame.seq;
  item.classList.add(`lv-${levelOf(frame)}`);
  fill(item, "type", frame.type);
  fill(item, "text", sentence(frame));
  stamp(item, frame.at);
  append("log", item);
}

function levelOf(frame) {
  if (frame.type.endsWith(".failed")) return "error";
  if (["task.retrying", "task.skipped", "log.truncated"].includes(frame.type)) return "warning";
  const level = String(frame.data?.level ?? "info").toLowerCase();
  return ["debug", "warning", "error"].includes(level) ? level : "info";
}

function sentence(frame) {
  const task = model.tasks.get(frame.task)?.name;
  const data = frame.data ?? {};
  const parts = [];
  if (frame.type === "execution.progress") parts.push(`${Math.round(data.percentage ?? 0)} %`);
  if (frame.type === "message.sent") parts.push(`to ${data.to ? agentOf(model, data.to).name : "everyone"}`, gist(data.content));
  const said = data.text ?? data.message_text ?? (frame.type === "message.sent" ? "" : data.message) ?? data.reason ?? "";
  if (typeof said === "string") parts.push(said);
  if (data.key) parts.push(data.key, data.goal ?? "");
  if (data.attempt > 1) parts.push(`attempt ${data.attempt}`);
  return [task, parts.filter(Boolean).join(" · ").slice(0, 400)].filter(Boolean).join(": ");
}

/* Lines wait for the next frame of the screen: a flood of events is one change of the page. */
function append(name, item) {
  item.classList.add("new");
  coming[name].push(item);
  if (coming[name].length > LONGEST_FEED) coming[name].shift();
  counts[name].textContent = String(Number(counts[name].textContent || 0) + 1);
  paint();
}

function paintFeeds() {
  for (const [name, feed] of Object.entries(feeds)) {
    if (!coming[name].length) continue;
    const atEnd = feed.scrollHeight - feed.scrollTop - feed.clientHeight < 48;
    feed.querySelector("[data-empty]")?.remove();
    feed.append(...coming[name].splice(0));
    while (feed.childElementCount > LONGEST_FEED) feed.firstElementChild.remove();
    if (atEnd) feed.scrollTop = feed.scrollHeight;
  }
}

function showToken(frame) {
  const tokens = document.getElementById("tokens");
  if (!tokens) return;
  tokens.hidden = false;
  tokens.textContent += frame.data?.text ?? "";
  tokens.scrollTop = tokens.scrollHeight;
}

function showStreamState(state, text) {
  const node = document.getElementById("stream");
  node.dataset.state = state;
  node.lastElementChild.textContent = text;
  node.hidden = state === "ended";
}

function clone(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}

function fill(item, field, text) {
  const node = item.querySelector(`[data-field=${field}]`);
  node.textContent = text;
  if (node.dataset.optional !== undefined) node.hidden = !text;
}

function stamp(item, at) {
  const time = item.querySelector("time");
  time.dateTime = at;
  time.textContent = clock(at);
}

document.querySelectorAll("[data-tab]").forEach((button) => {
  button.addEventListener("click", () => {
    for (const other of document.querySelectorAll("[data-tab]")) {
      const chosen = other === button;
      other.classList.toggle("active", chosen);
      other.setAttribute("aria-selected", String(chosen));
      document.getElementById(other.dataset.tab).hidden = !chosen;
    }
    const feed = document.getElementById(button.dataset.tab);
    feed.scrollTop = feed.scrollHeight;
  });
});
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-command]");
  if (!form || event.defaultPrevented) return;
  event.preventDefault();
  form.querySelector("button").disabled = true;
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new FormData(form),
      headers: { "X-Requested-With": "fetch" },
      credentials: "same-origin",
    });
    if (!answer.ok) throw new Error(String(answer.status));
    refreshSoon(400);
  } catch {
    form.submit();
  }
});
