/* Words for figures. */

export function duration(milliseconds) {
  if (milliseconds === null || Number.isNaN(milliseconds)) return "";
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 1) return `${Math.round(milliseconds)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} m`;
}

export function clock(at) {
  const date = new Date(at);
  return Number.isNaN(date.valueOf()) ? "" : date.toLocaleTimeString([], { hour12: false });
}

/* A short sentence for any JSON an agent sent; the whole is shown in the details below it. */
export function gist(content) {
  if (typeof content === "string") return content;
  if (content === null || typeof content !== "object") return String(content);
  if (content.truncated === true && Number.isFinite(content.bytes)) return `${Math.max(1, Math.round(content.bytes / 1024))} KB`;
  if ("output" in content) return gist(content.output);
  for (const key of ["summary", "text", "answer", "message", "said", "goal", "question"]) {
    if (typeof content[key] === "string" && content[key]) return content[key];
    if (content[key] && typeof content[key] === "object" && !Array.isArray(content[key])) return gist(content[key]);
  }
  if (Array.isArray(content)) return `${content.length} entries`;
  return Object.entries(content)
    .map(([key, value]) => (Array.isArray(value) ? `${value.length} ${key}` : typeof value === "object" ? key : `${key}: ${value}`))
    .join(" · ");
}

export function pretty(content) {
  return typeof content === "string" ? content : JSON.stringify(content, null, 2);
}

/* The server's clock minus ours, so that running durations do not depend on a wrong browser clock. */
export function serverNow(model) {
  return Date.now() + (model.clock_offset ?? 0);
}
