// The interactive plot of a search: any two or three figures of all candidates, and the operators of one candidate.
"use strict";
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const { figures, plan, chips, number, feasible, digits } = data;
const count = number.length;
const byName = new Map(figures.map((figure, i) => [figure.name, i]));
const rank = new Map(data.front.map((candidate, i) => [candidate, i + 1]));
const ties = new Set(data.ties);
const [INK, FAINT, FRONT, WINNER, HEAD, GRID] = ["#1f2a37", "#a9b4c0", "#1d6f8a", "#c8452f", "#8a6d00", "#e6eaee"];
const MANY = 1500;  // candidates above which WebGL draws the dots
const webgl = (() => {
  try { return Boolean(document.createElement("canvas").getContext("webgl")); } catch { return false; }
})();
const [accuracy, ...traded] = data.objectives;
const chosen = { x: byName.get(traded.find((name) => figures[byName.get(name)].sign > 0)), y: byName.get(accuracy), z: 0, space: false, chip: 0, pinned: null };
chosen.z = [...traded, "params", ...byName.keys()].map((name) => byName.get(name)).find((i) => i !== undefined && i !== chosen.x && i !== chosen.y) ?? chosen.x;

const plot = document.getElementById("trade-off");
const panel = document.getElementById("candidate");
const byId = (id) => document.getElementById(id);

// text for plotly, which interprets a little HTML
const escaped = (text) => String(text).replace(/[&<>"'%]/g, (letter) => `&#${letter.charCodeAt(0)};`);
const short = (value) => {
  if (value === null || value === undefined) return "–";
  for (const [scale, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(value) >= 10 * scale || (scale > 1e3 && Math.abs(value) >= scale)) return `${Number((value / scale).toPrecision(3))}${letter}`;
  }
  return String(Number(value.toPrecision(4)));
};
const source = (figure, i) => figure.sources[i] ?? figure.source;
// the same metric, found a second time on other sequences
const foundAgain = ({ kind, device }) => figures.find((other) => other.again && other.kind === kind && other.device === device);

// ---- fronts

function beats(a, b, axes) {
  let better = false;
  for (const { values, sign } of axes) {
    const difference = sign * (values[a] - values[b]);
    if (difference > 0) return false;
    better ||= difference < 0;
  }
  return better;
}

// feasible candidates that no other feasible one dominates in these figures, sorted by the first figure, best first
function frontOf(axes) {
  const known = [];
  for (let i = 0; i < count; i++) if (feasible[i] && axes.every(({ values }) => values[i] !== null)) known.push(i);
  const order = (a, b) => {
    for (const { values, sign } of axes) if (values[a] !== values[b]) return sign * (values[a] - values[b]);
    return a - b;
  };
  known.sort(order);
  const front = [];
  let least = Infinity, equal = null;
  for (const i of known) {
    if (axes.length === 2) {
      const last = axes[1].sign * axes[1].values[i];
      if (last < least || (equal !== null && axes[0].values[equal] === axes[0].values[i] && last === least)) front.push(i);
      if (last < least) [least, equal] = [last, i];
    } else if (!front.some((other) => beats(other, i, axes))) front.push(i);
  }
  return front;
}

// ---- the plot

function draw() {
  const axes = (chosen.space ? [chosen.x, chosen.y, chosen.z] : [chosen.x, chosen.y]).map((i) => figures[i]);
  const kind = chosen.space ? "scatter3d" : "scatter";
  const letters = chosen.space ? ["x", "z", "y"] : ["x", "y"];  // in 3D, plotly's z axis points up
  const special = new Set(data.front);
  if (data.recommended !== null) special.add(data.recommended);
  const groups = { "feasible": [], "over a limit": [], "front, predicted": [], "front, measured": [], "front": [] };
  for (let i = 0; i < count; i++) {
    if (axes.some(({ values }) => values[i] === null)) continue;
    if (!special.has(i)) { groups[feasible[i] ? "feasible" : "over a limit"].push(i); continue; }
    const sources = axes.map((figure) => source(figure, i));
    groups[sources.includes("predicted") ? "front, predicted" : sources.includes("measured") ? "front, measured" : "front"].push(i);
  }
  const text = axes.map(({ title }, j) => `${escaped(title)} %{${letters[j]}:.4~g}`).join("<br>");
  const traces = [];
  const add = (name, shown, marker, more = {}, taken = axes) => {
    if (!shown.length) return;
    const trace = {
      name, type: kind, mode: "markers", marker, text: shown.map((i) => number[i]), customdata: shown,
      hovertemplate: `<b>#%{text}</b> ${name}<br>${text}<extra></extra>`, ...more,
    };
    letters.forEach((letter, j) => { trace[letter] = shown.map((i) => taken[j].values[i]); });
    traces.push(trace);
  };
  const bulk = { type: !chosen.space && webgl && count > MANY ? "scattergl" : kind };
  const scale = chosen.space ? 0.6 : 1;
  add("feasible", groups.feasible, { color: FAINT, size: (count > MANY ? 4 : 6) * scale, opacity: 0.8 }, bulk);
  add("over a limit", groups["over a limit"], chosen.space
    ? { color: FAINT, symbol: "circle-open", size: 4 }  // plotly draws crosses in 3D as letters, which not every font has
    : { color: FAINT, symbol: "x-thin", size: 6, opacity: 0.7, line: { width: 1.2, color: FAINT } }, bulk);

  const line = frontOf(axes);
  if (chosen.space) add("front of these figures", line, { color: FRONT, size: 3 });
  else {
    add("front of these figures", line, { color: FRONT, size: 3 }, {
      mode: "lines+markers", hoverinfo: "skip", hovertemplate: null,
      line: { color: FRONT, width: 1.2, shape: "hv" },
    });
  }

  const again = axes.map((figure) => foundAgain(figure) ?? null);
  const judged = again.some(Boolean) ? axes.map((figure, j) => again[j] ?? figure) : null;
  const withBars = (shown, taken = axes) => {
    const j = taken.findIndex(({ name }) => name === compared());
    if (j < 0 || chosen.space || !shown.every((i) => i in data.errors)) return {};
    return { [`error_${letters[j]}`]: { type: "data", array: shown.map((i) => data.errors[i]), color: INK, thickness: 1, width: 3 } };
  };
  const notWinner = (shown) => shown.filter((i) => i !== data.recommended);
  add("front, predicted", notWinner(groups["front, predicted"]),
    { color: FRONT, symbol: "circle-open", size: 9 * scale, line: { width: 2, color: FRONT } }, withBars(notWinner(groups["front, predicted"])));
  for (const name of ["front, measured", "front"]) {
    add(name, notWinner(groups[name]), { color: FRONT, size: 9 * scale }, withBars(notWinner(groups[name])));
  }
  const rescored = judged ? data.front.filter((i) => judged.every(({ values }) => values[i] !== null)) : [];
  if (judged) add("judged again", notWinner(rescored), { color: INK, symbol: "diamond-open", size: 8 * scale }, withBars(notWinner(rescored), judged), judged);
  const winner = data.recommended === null || axes.some(({ values }) => values[data.recommended] === null) ? [] : [data.recommended];
  const hollow = winner.length && groups["front, predicted"].includes(winner[0]);
  add("recommended", winner, { color: WINNER, symbol: hollow ? "circle-open" : "circle", size: 13 * scale, line: { width: hollow ? 3 : 0, color: WINNER } },
    withBars(winner));
  if (winner.length && rescored.includes(winner[0])) {
    add("recommended, judged again", winner, { color: WINNER, symbol: "diamond", size: 11 * scale }, withBars(winner, judged), judged);
  }

  const style = { gridcolor: GRID, zeroline: false, linecolor: FAINT, ticks: "outside", tickcolor: FAINT, automargin: true };
  const scenic = { gridcolor: GRID, zeroline: false, linecolor: FAINT, showbackground: false };
  const titled = (base, j) => ({ ...base, title: { text: escaped(axes[j].title), font: { size: 13 } } });
  const narrow = plot.clientWidth < 500;
  const layout = {
    height: narrow ? 520 : 660,
    margin: chosen.space ? { l: 0, r: 0, t: 0, b: 0 } : { l: 56, r: 12, t: 12, b: 44 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, sans-serif", size: narrow ? 11.5 : 13, color: INK },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    hoverlabel: { align: "left", bgcolor: "white", bordercolor: FAINT, font: { size: 12 } },
    hovermode: "closest", showlegend: true,
    uirevision: axes.map(({ name }) => name).join(),
    ...(chosen.space
      ? { scene: { xaxis: titled(scenic, 0), zaxis: titled(scenic, 1), yaxis: titled(scenic, 2), aspectmode: "cube", dragmode: "turntable", camera: { eye: { x: 0.7, y: -1.9, z: 0.6 } } } }
      : { xaxis: titled(style, 0), yaxis: titled(style, 1), dragmode: narrow ? false : "zoom" }),  // on a narrow screen a finger scrolls the page
  };
  return Plotly.react(plot, traces, layout, { responsive: true, displayModeBar: false });
}

// name of the figure to which the standard errors of differences belong: the accuracy, or the accuracy judged again if there is one
const compared = () => foundAgain(figures[byName.get(accuracy)])?.name ?? accuracy;

// ---- the operators of a candidate

// index of the value that candidate i has for a choice
function chosenIndex(i, choice) {
  return parseInt(digits[i].substr(choice * plan.width, plan.width), 36);
}

// for each part of the network, [part, indices of its operators in the order of execution]
function operators(i) {
  const parts = new Map();
  for (const { part, choices, strides, table } of plan.slots) {
    const operator = table[choices.reduce((row, choice, j) => row + chosenIndex(i, choice) * strides[j], 0)];
    if (!parts.has(part)) parts.set(part, []);
    if (operator >= 0) parts.get(part).push(operator);
  }
  return [...parts].filter(([, row]) => row.length);
}

function element(parent, name, text = "", attributes = {}) {
  const made = parent.appendChild(document.createElement(name));
  if (text !== "") made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function shape(parent, name, attributes, text = "") {
  const made = parent.appendChild(document.createElementNS("http://www.w3.org/2000/svg", name));
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== "") made.textContent = text;
  return made;
}

const first = (part) => part.split(".")[0];  // the section that a part belongs to, e.g. heads for heads.cls
const sections = [...new Set(plan.slots.map(({ part }) => first(part)))];
const kinds = new Map(plan.operators.map(({ kind }) => [kind, plan.operators.filter((op) => op.kind === kind)]));
// names of the options that differ between the operators of a kind; the stride is left out, since the shapes show it
const varied = new Map([...kinds].map(([kind, every]) => [kind, Object.keys(every[0].options).filter((name) => name !== "stride" && new Set(every.map(({ options }) => options[name])).size > 1)]));
const spelled = ({ kind, options, out }) => {
  const word = (name, value) => name === "kernel" ? `${value}×${value}` : typeof value === "string" ? value : `${name[0]}${value}`;
  const words = varied.get(kind).map((name) => word(name, options[name]));
  return [kind, ...words, "→", out.join("×")].join(" ");
};
// Numeric options that set the shade of a bar: the largest are drawn dark. The kernel sets the width of a bar, so it counts only if there is no other.
const shades = new Map([...kinds].map(([kind, every]) => {
  const numbers = varied.get(kind).filter((name) => typeof every[0].options[name] === "number");
  const others = numbers.filter((name) => name !== "kernel");
  return [kind, others.length ? others : numbers];
}));
const size = ({ kind, options }) => shades.get(kind).reduce((product, name) => product * options[name], 1);
const largest = new Map([...kinds].map(([kind, every]) => [kind, Math.max(...every.map(size))]));
const shaded = [...new Set([...shades.values()].flat())].join(" or ");
const kernels = [...varied.values()].flat().includes("kernel");
// out is the shape of a feature map, (C, H, W), or of tokens, (N, C)
const channels = ({ out }) => out[out.length === 2 ? 1 : 0];
const side = ({ out }) => out.length === 3 ? out[2] : null;

// Draws the parts of the network, as many in a row as fit. Bars that point up are operators; bars that point down are their milliseconds.
function drawing(parent, parts, ms) {
  const every = plan.operators;
  const widest = Math.sqrt(Math.max(...every.map(channels)));
  const slowest = ms ? Math.max(...parts.flatMap(([, row]) => row.map((op) => ms[op] ?? 0))) : 0;
  const WIDTH = 372, UP = 44, DOWN = ms ? 30 : 4, ROW = UP + DOWN + 18;
  const STEP = Math.min(20, WIDTH / Math.max(...parts.map(([, row]) => row.length)));
  let left = 0, top = 0;
  const laid = parts.map(([part, row], j) => {
    const [from, to] = [row[0], row.at(-1)].map((op) => side(every[op]));
    const label = from === to ? part : `${part}, ${from} to ${to} px`;
    const wide = Math.max(row.length * STEP, 5 * label.length);
    const begins = part.includes(".") && first(part) !== first(parts[Math.max(0, j - 1)][0]);  // parts of one section share a row
    if (left > 0 && (begins || left + wide > WIDTH)) [left, top] = [0, top + ROW];
    const at = { part, label, row, left, top };
    left += wide + 0.4 * STEP;
    return at;
  });
  const svg = shape(parent, "svg", { viewBox: `0 0 ${WIDTH} ${top + ROW}`, role: "img", "aria-label": "the operators of this architecture, in order" });
  for (const { part, label, row, left, top } of laid) {
    const floor = top + 12 + UP, sides = row.map((op) => side(every[op]));
    shape(svg, "text", { x: left, y: top + 9 }, label);
    row.forEach((number, j) => {
      const op = every[number], x = left + j * STEP;
      if (j > 0 && sides[j] !== sides[j - 1]) shape(svg, "line", { x1: x - 0.5, x2: x - 0.5, y1: top + 14, y2: floor + DOWN, stroke: GRID });
      const height = Math.max(3, (UP - 4) * Math.sqrt(channels(op)) / widest);
      const width = Math.min(STEP - 2, 4 + 1.8 * (op.options.kernel ?? 1));
      const color = !varied.get(op.kind).length ? INK : sections.indexOf(first(part)) === 0 ? FRONT : HEAD;
      const bar = shape(svg, "rect", {
        x: x + (STEP - width) / 2, y: floor - height, width, height, rx: 1.5, fill: color, "fill-opacity": size(op) < largest.get(op.kind) ? 0.55 : 1,
      });
      shape(bar, "title", {}, `${spelled(op)}${ms ? `, ${short(ms[number])} ms` : ""}`);
      if (ms && ms[number] > 0) shape(svg, "rect", { x: x + STEP / 4, y: floor + 2, width: STEP / 2, height: Math.max(0.7, (DOWN - 4) * ms[number] / slowest), fill: WINNER, "fill-opacity": 0.75 });
    });
    shape(svg, "line", { x1: left, x2: left + row.length * STEP, y1: floor + 0.8, y2: floor + 0.8, stroke: FAINT });
  }
}

function list(parent, parts, ms) {
  const rows = parts.flatMap(([part, row]) => row.map((number) => [part, number]));
  const times = rows.map(([, number]) => ms[number]);
  const sum = times.reduce((total, time) => total + (time ?? 0), 0), most = Math.max(...times.map((time) => time ?? 0));
  const table = element(element(parent, "div", "", { class: "operators" }), "table");
  rows.forEach(([part, number]) => {
    const op = plan.operators[number], time = ms[number];
    const line = element(table, "tr", "", sections.indexOf(first(part)) > 0 ? { class: "head" } : {});
    element(line, "td", spelled(op));
    element(element(line, "td", "", { class: "bar" }), "div", "", { style: `width:${time ? 100 * time / most : 0}%` });
    element(line, "td", time === null ? "no time" : `${time.toFixed(3)} ms`);
    element(line, "td", time === null ? "" : `${(100 * time / sum).toFixed(0)} %`);
  });
  return sum;
}

function show(i) {
  panel.replaceChildren();
  const head = element(panel, "h3", `#${number[i]}`);
  const marks = [
    i === data.recommended ? "recommended" : ties.has(i) ? "tie" : "", rank.has(i) ? `front/${file(i)}.json` : "", feasible[i] ? "" : "over a limit",
    data.strategies[data.strategy[i]],
  ];
  element(head, "span", marks.filter(Boolean).join(", "));
  if (chosen.pinned === i) element(head, "button", "let go", { "data-release": "" });
  element(panel, "div", data.name[i], { class: "name" });
  const actions = element(panel, "div", "", { class: "actions" });
  for (const [label, command] of Object.entries(commands(i))) element(actions, "button", `copy ${label}`, { "data-command": command, title: command });
  const table = element(panel, "table");
  for (const figure of figures) {
    if (figure.values[i] === null && figure.again) continue;
    const line = element(table, "tr"), noise = figure.noise?.[i];
    element(line, "td", figure.title);
    element(line, "td", short(figure.values[i]) + (noise ? ` ± ${Number(noise.toPrecision(2))}` : ""));
    const before = figure.predicted[i];
    element(line, "td", source(figure, i) + (before === undefined ? "" : ` (predicted ${short(before)})`), { class: "source" });
  }
  const rows = operators(i), chip = chips[chosen.chip], ms = chip?.ms ?? null;
  drawing(panel, rows, ms);
  const legend = ["Up: channels", kernels ? "wide: kernel" : "", shaded ? `dark: the largest ${shaded}` : "", ms ? "red: milliseconds" : ""];
  element(panel, "p", `${legend.filter(Boolean).join("; ")}.`, { class: "note" });
  if (ms) {
    const sum = list(panel, rows, ms), predicted = figures[byName.get(chip.latency)];
    const whole = predicted?.predicted[i] ?? (source(predicted, i) === "predicted" ? predicted.values[i] : null);
    element(panel, "p", `Operators of one frame on ${chip.title}, from its table: ${short(sum)} ms in sum` + (whole === null ? "." : `; the whole network is predicted to take ${short(whole)} ms.`), { class: "note" });
  } else if (chip) element(panel, "p", `No milliseconds of operators: the predictor's file (${chip.title}) is not where it was, or another one.`, { class: "note" });
}

const file = (i) => String(rank.get(i)).padStart(2, "0");
const quoted = (text) => /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;

// Python wrote the commands with control characters in place of the architecture (\x01) and of the tracker (\x02)
function commands(i) {
  const arch = quoted(rank.has(i) ? `${data.run}/front/${file(i)}.json` : data.name[i]);
  const tracker = rank.has(i) ? `tracker-${file(i)}` : `tracker-candidate-${number[i]}`;
  const filled = (command) => command.replace(/[\x01\x02]/g, (place) => place === "\x01" ? arch : tracker);
  return Object.fromEntries(Object.entries(data.commands).map(([verb, command]) => [verb, filled(command)]));
}

// ---- downloads

function records() {
  return number.map((_, i) => {
    const record = {
      number: number[i], rank: rank.get(i) ?? null, feasible: Boolean(feasible[i]), strategy: data.strategies[data.strategy[i]], seconds: data.seconds[i],
    };
    for (const figure of figures) {
      record[figure.name] = figure.values[i];
      record[`${figure.name}_noise`] = figure.noise?.[i] ?? null;
      record[`${figure.name}_source`] = figure.values[i] === null ? null : source(figure, i);
      if (Object.keys(figure.predicted).length) record[`${figure.name}_predicted`] = figure.predicted[i] ?? null;
    }
    return { ...record, key: data.key[i], name: data.name[i] };
  });
}

const makers = {
  "candidates.csv": () => {
    const every = records(), names = Object.keys(every[0] ?? {});
    const cell = (value) => value === null ? "" : /[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value);
    return [names, ...every.map((record) => names.map((name) => record[name]))].map((row) => row.map(cell).join(",")).join("\n") + "\n";
  },
  "candidates.json": () => {
    const values = plan.values;
    const chosenValues = (i) => Object.fromEntries(plan.labels.map((label, j) => [label, values[j][chosenIndex(i, j)]]));
    return JSON.stringify(records().map((record, i) => ({ ...record, choices: chosenValues(i) })), null, 1) + "\n";
  },
};

function download(name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([makers[name]()], { type: name.endsWith("csv") ? "text/csv" : "application/json" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.command);
  } catch {  // pages opened from disk may be denied the clipboard API
    const field = document.body.appendChild(document.createElement("textarea"));
    field.value = button.dataset.command;
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  const label = button.textContent;
  if (label === "copied") return;
  button.textContent = "copied";
  setTimeout(() => { button.textContent = label; }, 1200);
}

// ---- static figures, drawn one after the other when the page is idle

function drawPlot(name) {
  const { data: traces, layout } = data.plots[name];
  delete data.plots[name];
  Plotly.newPlot(name, traces, layout, { responsive: true, displayModeBar: false });
}

const whenIdle = window.requestIdleCallback ?? ((work) => setTimeout(work, 100));
function drawNext() {
  const [name] = Object.keys(data.plots);
  if (name === undefined) return;
  drawPlot(name);
  whenIdle(drawNext);
}
window.addEventListener("beforeprint", () => Object.keys(data.plots).forEach(drawPlot));

// ---- controls

function fill(select, titles, picked) {
  select.replaceChildren();
  titles.forEach((title, i) => element(select, "option", title, { value: i }));
  select.value = picked;
}

const selects = Object.fromEntries(["x", "y", "z"].map((axis) => [axis, byId(`axis-${axis}`)]));

function refresh() {
  for (const [axis, select] of Object.entries(selects)) select.value = chosen[axis];
  selects.z.parentElement.hidden = !chosen.space;
  byId("chip").value = chosen.chip;
  draw();
}

for (const [axis, select] of Object.entries(selects)) {
  fill(select, figures.map(({ title }) => title), chosen[axis]);
  select.addEventListener("change", () => { chosen[axis] = Number(select.value); refresh(); });
}
fill(byId("chip"), chips.map(({ name, title }) => name || title), 0);
byId("chip").parentElement.hidden = chips.length < 2;
byId("chip").addEventListener("change", (event) => {
  const before = chips[chosen.chip].name;
  chosen.chip = Number(event.target.value);
  for (const axis of ["x", "y", "z"]) {
    const { kind, device, again } = figures[chosen[axis]];
    const there = figures.findIndex((other) => other.kind === kind && other.again === again && other.device === chips[chosen.chip].name);
    if (device === before && there >= 0) chosen[axis] = there;
  }
  refresh();
  if (shown !== null) show(shown);
});
byId("space").disabled = !webgl || figures.length < 3;
byId("space").title = webgl ? "" : "this browser has no WebGL";
byId("space").addEventListener("change", (event) => {
  chosen.space = event.target.checked;
  Plotly.purge(plot);
  refresh();
  listen();
});

let shown = null;
function look(i) {
  shown = i;
  show(i);
}

function listen() {
  plot.on("plotly_hover", ({ points }) => {
    const i = points[0].customdata;
    if (chosen.pinned === null && i !== shown) look(i);
  });
  plot.on("plotly_click", ({ points }) => {
    const i = points[0].customdata;
    chosen.pinned = chosen.pinned === i ? null : i;
    look(i);
  });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.command) copy(button);
  if (button.dataset.download) download(button.dataset.download);
  if (button.dataset.show) {
    chosen.pinned = Number(button.dataset.show);
    look(chosen.pinned);
    panel.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }
  if ("release" in button.dataset) {
    chosen.pinned = null;
    look(shown);
  }
});

refresh();
listen();
if (count) look(data.recommended ?? data.front[0] ?? count - 1);
whenIdle(drawNext);
})();
