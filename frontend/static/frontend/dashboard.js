/* The dashboard, live: a frame on its socket is a hint; the figures come ready-made from the server, at most once a second. */

import { duration } from "./format.js";
import { localTimes } from "./page.js";

const PAUSE = 1000;
const EVERY = 15000;
const root = document.getElementById("dashboard");
const stream = document.getElementById("stream");
let data = JSON.parse(document.getElementById("charts-data").textContent);
let charts = [];
let timer = null;
let failures = 0;

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function options(extra) {
  const grid = { color: colour("line"), drawTicks: false };
  const ticks = { color: colour("faint"), font: { family: "Inter", size: 11 }, maxRotation: 0, autoSkipPadding: 18, padding: 6 };
  return {
    responsive: true,
    maintainAspectRatio: false,
    animation: false,
    interaction: { mode: "index", intersect: false },
    plugins: {
      legend: { display: false },
      tooltip: { backgroundColor: colour("surface-3"), titleColor: colour("text"), bodyColor: colour("text"), borderColor: colour("line-strong"), borderWidth: 1, padding: 10, boxPadding: 4, ...extra.tooltip },
    },
    scales: {
      x: { stacked: extra.stacked, grid: { display: false }, border: { color: colour("line") }, ticks },
      y: { stacked: extra.stacked, beginAtZero: true, grid, border: { display: false }, ticks: { ...ticks, precision: extra.precision, callback: extra.tick }, suggestedMax: extra.most },
    },
  };
}

function draw() {
  if (!window.Chart) return;
  charts.forEach((chart) => chart.destroy());
  charts = [throughput(), durations()];
}

function throughput() {
  const series = (key, name) => ({ label: name, data: data.throughput.map((hour) => hour[key]), backgroundColor: colour(key), borderRadius: 3, maxBarThickness: 18 });
  return new window.Chart(document.getElementById("throughput"), {
    type: "bar",
    data: {
      labels: data.throughput.map((hour) => new Date(hour.hour).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false })),
      datasets: [series("completed", "completed"), series("failed", "failed"), series("cancelled", "cancelled")],
    },
    options: options({ stacked: true, precision: 0, most: 4 }),
  });
}

function durations() {
  const figures = data.durations;
  return new window.Chart(document.getElementById("durations"), {
    type: "line",
    data: {
      labels: figures.map((figure) => new Date(figure.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false })),
      datasets: [
        {
          data: figures.map((figure) => figure.seconds),
          borderColor: colour("accent"),
          backgroundColor: colour("accent-soft"),
          fill: true,
          borderWidth: 1.75,
          pointRadius: figures.length > 40 ? 0 : 2.5,
          pointBackgroundColor: colour("accent"),
          tension: 0.3,
        },
      ],
    },
    options: options({
      tick: (seconds) => duration(seconds * 1000),
      most: 1,
      tooltip: { callbacks: { title: (points) => figures[points[0].dataIndex].title, label: (point) => duration(point.parsed.y * 1000) }, displayColors: false },
    }),
  });
}

async function refresh() {
  timer = null;
  try {
    const answer = await fetch(window.location.pathname, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.querySelectorAll("[data-swap]").forEach((region) => {
      const other = fresh.getElementById(region.id);
      if (!other || region.innerHTML === other.innerHTML) return;
      const focused = region.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      region.replaceChildren(...other.childNodes);
      localTimes(region);
      if (focused) region.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    });
    const text = fresh.getElementById("charts-data").textContent;
    if (text !== JSON.stringify(data)) {
      data = JSON.parse(text);
      draw();
    }
  } catch {
    /* the server is away: the socket's own retry brings us back */
  }
}

function hint() {
  timer ??= setTimeout(refresh, PAUSE);
}

function show(state, text) {
  stream.dataset.state = state;
  stream.querySelector("span:last-child").textContent = text;
}

function connect() {
  const url = new URL(root.dataset.socketUrl, window.location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url);
  let first = true;
  socket.onopen = () => {
    if (failures) hint();
    failures = 0;
    show("live", "Live");
  };
  socket.onmessage = (message) => {
    const type = JSON.parse(message.data).type;
    if (type !== "heartbeat" && !first) hint();
    first = false;
  };
  socket.onclose = (event) => {
    if (event.code === 4401) {
      show("refused", "Please sign in again.");
      return;
    }
    failures += 1;
    show(failures > 3 ? "polling" : "retrying", failures > 3 ? "Updated every 15 s" : "Connection lost, trying again…");
    setTimeout(connect, Math.min(EVERY, 500 * 2 ** failures) * (0.6 + 0.4 * Math.random()));
  };
}

document.addEventListener("themechange", draw);
if (document.readyState === "complete") draw();
else window.addEventListener("load", draw);
connect();
setInterval(() => document.visibilityState === "visible" && hint(), EVERY);
