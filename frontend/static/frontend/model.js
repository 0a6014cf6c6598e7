/* What the page knows of a session: the server's snapshot, then every frame applied to it. No DOM here. */

export const FINISHED = new Set(["COMPLETED", "FAILED", "CANCELLED"]);
const FINISHED_TASK = new Set(["COMPLETED", "FAILED", "CANCELLED", "SKIPPED"]);

const SESSION_STATUS = {
  "session.planning": "PLANNING",
  "session.started": "RUNNING",
  "session.paused": "PAUSED",
  "session.waiting": "WAITING",
  "session.completed": "COMPLETED",
  "session.failed": "FAILED",
  "session.cancelled": "CANCELLED",
};

export function createModel(snapshot) {
  const model = { ...snapshot, tasks: new Map(), activity: snapshot.activity ?? "" };
  for (const task of snapshot.tasks) model.tasks.set(task.id, { attempts: [], note: "", progress: 0, ...task });
  return model;
}

/* Applies one frame; answers what changed: "structure", "task", "session" or "". */
export function applyFrame(model, frame) {
  model.last_seq = frame.seq ?? model.last_seq;
  const data = frame.data ?? {};
  if (frame.type.startsWith("session.")) return applySession(model, frame, data);
  if (frame.type === "task.created") return addTask(model, frame, data);
  if (frame.type === "step.answered" && data.kind === "session") return "session";
  const task = frame.task ? model.tasks.get(frame.task) : null;
  if (!task) return "";
  if (frame.agent && !task.agent) task.agent = agentOf(model, frame.agent);
  return (HANDLERS[frame.type] ?? (() => ""))(task, frame, data, model);
}

function applySession(model, frame, data) {
  if (frame.type === "session.resumed") model.status = data.status ?? "RUNNING";
  else model.status = SESSION_STATUS[frame.type] ?? model.status;
  if (frame.type === "session.started") model.started_at ??= frame.at;
  if (FINISHED.has(model.status)) model.completed_at = frame.at;
  return "session";
}

function addTask(model, frame, data) {
  const byName = new Map([...model.tasks.values()].map((task) => [task.name, task.id]));
  if (model.tasks.has(frame.task)) return "";
  model.tasks.set(frame.task, {
    id: frame.task,
    name: data.name ?? "task",
    task_type: data.task_type ?? "",
    status: "PENDING",
    agent: agentOf(model, frame.agent ?? data.agent),
    depends_on: (data.depends_on ?? []).map((other) => (model.tasks.has(other) ? other : (byName.get(other) ?? other))),
    parent: data.parent ?? planOf(model),
    attempts: [],
    progress: 0,
    note: "",
  });
  return "structure";
}

/* The task that is making the plan: what appears while it runs is its work. */
function planOf(model) {
  const plan = [...model.tasks.values()].find((task) => task.task_type === "planning" && task.status === "RUNNING");
  return plan?.id ?? null;
}

export function agentOf(model, reference) {
  if (!reference) return null;
  const id = typeof reference === "object" ? reference.id : reference;
  return model.agents[id] ?? (typeof reference === "object" ? reference : { id, name: String(reference), definition: "" });
}

const HANDLERS = {
  "task.queued": (task, frame, data, model) => {
    task.status = "QUEUED";
    task.queued_at = frame.at;
    const chosen = frame.agent ?? data.assignment?.agent ?? data.assignment?.agent_id;
    if (chosen) task.agent = agentOf(model, chosen);
    return "task";
  },
  "task.started": (task, frame, data) => {
    task.status = "RUNNING";
    task.started_at ??= frame.at;
    task.attempt = data.attempt ?? 1;
    task.progress = 0;
    /* The snapshot may already know it: its rows are read a moment after its last_seq. */
    const attempt = task.attempts.find((known) => known.number === task.attempt);
    const fresh = { number: task.attempt, state: "RUNNING", started_at: frame.at, completed_at: null };
    if (attempt) Object.assign(attempt, fresh);
    else task.attempts.push(fresh);
    return "task";
  },
  "task.waiting": (task, frame, data) => {
    task.status = "WAITING";
    task.note = data.reason ?? "";
    return "task";
  },
  "task.retrying": (task, frame, data) => {
    closeAttempt(task, "FAILED", frame.at);
    task.status = "QUEUED";
    task.note = `Attempt ${data.attempt ?? ""} failed: ${data.message ?? ""} Trying again in ${Number(data.delay_seconds ?? 0).toFixed(1)} s.`;
    return "task";
  },
  "task.reused": (task, frame) => {
    task.reused = true;
    return finish(task, "COMPLETED", frame, "");
  },
  "task.completed": (task, frame) => finish(task, "COMPLETED", frame, ""),
  "task.failed": (task, frame, data) => finish(task, "FAILED", frame, data.message ?? ""),
  "task.cancelled": (task, frame, data) => finish(task, "CANCELLED", frame, data.reason ?? ""),
  "task.skipped": (task, frame, data) => finish(task, "SKIPPED", frame, data.reason ?? ""),
  "execution.progress": (task, frame, data, model) => {
    task.progress = Number(data.percentage) || 0;
    task.note = data.text ?? "";
    model.activity = `${task.name}: ${task.note || `${Math.round(task.progress)} %`}`;
    return "task";
  },
};

function finish(task, status, frame, note) {
  closeAttempt(task, status, frame.at);
  task.status = status;
  task.completed_at = frame.at;
  task.note = note;
  if (status === "COMPLETED") task.progress = 100;
  return "task";
}

function closeAttempt(task, state, at) {
  const last = task.attempts.at(-1);
  if (last && !last.completed_at) Object.assign(last, { state, completed_at: at });
}

export function finishedShare(model) {
  const tasks = [...model.tasks.values()];
  const done = tasks.filter((task) => FINISHED_TASK.has(task.status)).length;
  const partial = tasks.filter((task) => task.status === "RUNNING").reduce((sum, task) => sum + task.progress / 100, 0);
  return { done, total: tasks.length, share: tasks.length ? (done + partial) / tasks.length : 0 };
}
