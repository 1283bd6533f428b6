"use strict";
// The page's own script: the interactive timeline, copying a section as Markdown, and small comforts. Written by hand, needs nothing else.
// In: the JSON in #data, and the page as it stands, which is complete without this. Out: elements made with textContent only, so that text of logs stays text.
// It asks the network for nothing and keeps nothing; the view is in the address after the #.
(() => {
  const byId = (id) => document.getElementById(id);
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "class") element.className = value;
      else if (typeof value === "function") element.addEventListener(name, value);
      else if (value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  };

  // ---- Small comforts -------------------------------------------------------------------------------------------------

  // An address may name something inside folded parts.
  const reveal = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && byId(id);
    if (!target) return;
    for (let at = target; at; at = at.parentElement) if (at instanceof HTMLDetailsElement) at.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);

  // Paper has no folds.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open], .screen)")];
    for (const part of folded) part.open = true;
  });
  addEventListener("afterprint", () => { for (const part of folded) part.open = false; });

  const contents = document.querySelector(".contents details");
  if (contents && matchMedia("(max-width: 76rem)").matches) contents.open = false;
  if (contents && "IntersectionObserver" in window) {
    const links = new Map([...contents.querySelectorAll("a")].map((a) => [a.hash.slice(1), a]));
    const seen = new Set();
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) entry.isIntersecting ? seen.add(entry.target.id) : seen.delete(entry.target.id);
      let first = true;
      for (const [id, link] of links) {
        if (first && seen.has(id)) { link.setAttribute("aria-current", "true"); first = false; } else link.removeAttribute("aria-current");
      }
    }, { rootMargin: "0px 0px -60% 0px" });
    for (const id of links.keys()) if (byId(id)) watcher.observe(byId(id));
  }

  // ---- Copy a section as Markdown -------------------------------------------------------------------------------------

  const plain = (text) => text.replace(/\s+/g, " ").replace(/[\\`*_[\]|#!~]/g, "\\$&").replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const fenceFor = (text, least) => "`".repeat(Math.max(least, ...(text.match(/`+/g) || [""]).map((run) => run.length + 1)));
  const isSkipped = (node) => node.matches("svg, .copy, .await, .hidden, .legend, #explorer, .sym, .blank, canvas, script") || node.hidden;
  const inline = (node) => [...node.childNodes].map((child) => {
    if (child.nodeType === Node.TEXT_NODE) return plain(child.data);
    if (child.nodeType !== Node.ELEMENT_NODE || isSkipped(child)) return "";
    if (child.matches(".cite")) return ` [${plain(child.textContent)}]`;
    if (child.matches("code")) { const fence = fenceFor(child.textContent, 1); return `${fence}${child.textContent.replace(/\|/g, "¦").replace(/\s+/g, " ")}${fence}`; }
    if (child.matches("b, strong")) return `**${inline(child).trim()}**`;
    if (child.matches("br")) return " ";
    if (child.matches("a[href^=http]")) return `[${inline(child)}](<${child.href.replace(/[<>]/g, "")}>)`;
    const text = inline(child);
    return child.matches("span, dt, dd, li, time, div") ? ` ${text} ` : text;
  }).join("").replace(/ {2,}/g, " ");
  const blocks = (node) => [...node.children].filter((child) => !isSkipped(child)).map((child) => {
    if (child.matches("h2")) return `## ${inline(child).trim()}`;
    if (child.matches("h3, h4")) return `### ${inline(child).trim()}`;
    if (child.matches("pre")) { const fence = fenceFor(child.textContent, 3); return `${fence}text\n${child.textContent}\n${fence}`; }
    if (child.matches("ul, ol")) return [...child.children].map((item, index) => `${child.matches("ol") ? `${index + 1}.` : "-"} ${inline(item).trim()}`).join("\n");
    if (child.matches("dl")) return [...child.children].map((item) => `- ${inline(item).trim()}`).join("\n");
    if (child.matches("table")) {
      const rows = [...child.rows].map((row) => `| ${[...row.cells].map((cell) => inline(cell).trim()).join(" | ")} |`);
      rows.splice(1, 0, `|${"---|".repeat(child.rows[0].cells.length)}`);
      return rows.join("\n");
    }
    if (child.matches("details, div, article, section")) {
      const summary = child.querySelector(":scope > summary");
      return (summary ? `**${inline(summary).trim()}**\n\n` : "") + blocks(child);
    }
    return child.matches("summary") ? "" : inline(child).trim();
  }).filter(Boolean).join("\n\n");
  const say = make("p", { class: "hidden", role: "status" });
  const copyText = async (text, button, done) => {
    const label = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without the right to write to the clipboard, the text is shown to be copied by hand.
      const area = make("textarea", { class: "by-hand", readonly: true, "aria-label": "Text to copy" });
      area.value = text;
      button.parentElement.after(area);
      area.select();
    }
    button.textContent = done;
    say.textContent = done;
    setTimeout(() => { button.textContent = label; }, 1600);
  };
  for (const section of document.querySelectorAll("section[data-copy]")) {
    const button = make("button", { class: "copy", type: "button" }, "Copy as Markdown");
    const heading = section.querySelector("h2");
    button.setAttribute("aria-label", `Copy as Markdown: ${heading.firstChild.data.trim()}`);
    button.addEventListener("click", () => copyText(`${blocks(section)}\n`, button, "Copied"));
    heading.append(button);
  }

  // ---- The timeline: what is known ------------------------------------------------------------------------------------

  const data = JSON.parse(byId("data").textContent || "{}");
  const host = byId("explorer");
  const size = data.at ? data.at.length : 0;
  if (!host || !size || !data.window) { reveal(); return; }

  const TONES = ["other", "recovery", "change", "detection", "fault"];
  const time = new Float64Array(size);
  let clockAt = 0;
  for (let i = 0; i < size; i++) {
    if (data.at[i] === null) time[i] = NaN;
    else { clockAt += data.at[i]; time[i] = clockAt; }
  }
  const idOf = (i) => (data.ids.length ? data.ids[i] : `s${i + 1}`);
  const indexById = new Map();
  for (let i = 0; i < size; i++) indexById.set(idOf(i), i);
  const order = [...time.keys()].filter((i) => !Number.isNaN(time[i])).sort((a, b) => time[a] - time[b] || a - b);
  const toneOf = data.kinds.map((kind) => TONES.indexOf(kind[1]));
  const tone = (i) => toneOf[data.kind[i]];
  const word = (list, at) => (at < 0 ? "" : list[at]);
  const causes = new Map();
  const effects = new Map();
  for (const link of data.links) {
    const [from, to] = [indexById.get(link[0]), indexById.get(link[1])];
    if (from === undefined || to === undefined) continue;
    if (!causes.has(to)) causes.set(to, []);
    if (!effects.has(from)) effects.set(from, []);
    const row = { from, to, because: link[2], sure: link[3], lag: link[4] };
    causes.get(to).push(row);
    effects.get(from).push(row);
  }
  const allLinks = [...effects.values()].flat();
  const states = data.states.map((state) => ({ ...state, to: state.to === null ? Infinity : state.to }));

  let first = data.window[0];
  let last = data.window[1];
  for (const i of order) { first = Math.min(first, time[i]); last = Math.max(last, time[i]); }
  for (const state of states) { first = Math.min(first, state.from); if (state.to < Infinity) last = Math.max(last, state.to); }
  const margin = Math.max(1000, (last - first) * 0.02);
  const domain = [first - margin, last + margin];
  const edge = Math.max(2000, (data.window[1] - data.window[0]) * 0.04);
  const home = [Math.max(domain[0], data.window[0] - edge), Math.min(domain[1], data.window[1] + edge)];

  // ---- State: what is shown -------------------------------------------------------------------------------------------

  const view = { from: home[0], to: home[1], chosen: -1, clock: "utc", node: -1, kind: -1, source: -1, text: "", table: false, page: 0 };
  const open = new Set();
  let visible = order;
  let lanes = [];
  let tall = 0;

  const pad = (number, width = 2) => String(number).padStart(width, "0");
  const oneDay = new Date(home[0]).toISOString().slice(0, 10) === new Date(home[1]).toISOString().slice(0, 10);
  const show = (at, fine = view.to - view.from < 20000) => {
    if (Number.isNaN(at)) return "time not known";
    if (view.clock === "relative") {
      const after = at - data.window[0];
      const s = Math.abs(after) / 1000;
      const body = s >= 3600 ? `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)}:${pad(Math.floor(s) % 60)}` : `${Math.floor(s / 60)}:${pad(Math.floor(s) % 60)}`;
      return `${after < 0 ? "−" : "+"}${body}${fine ? `.${pad(Math.floor(Math.abs(after) % 1000), 3)}` : ""}`;
    }
    const local = view.clock === "local" ? at - new Date(at).getTimezoneOffset() * 60000 : at;
    const text = new Date(local).toISOString();
    return `${oneDay && view.to - view.from < 86400000 ? "" : `${text.slice(5, 10)} `}${text.slice(11, fine ? 23 : 19)}`;
  };

  const matches = () => {
    const wanted = view.text.trim().toLowerCase();
    const has = (text) => text.toLowerCase().includes(wanted);
    const tables = wanted && [
      [data.kind, data.kinds.map((kind) => has(kind[0]))], [data.node, data.nodes.map(has)], [data.pod, data.pods.map(has)],
      [data.workload, data.workloads.map(has)], [data.image, data.images.map(has)], [data.source, data.sources.map((source) => has(source.path))],
    ];
    visible = order.filter((i) =>
      (view.node < 0 || data.node[i] === view.node) && (view.kind < 0 || data.kind[i] === view.kind) && (view.source < 0 || data.source[i] === view.source)
      && (!wanted || idOf(i) === wanted || tables.some(([column, fits]) => column[i] >= 0 && fits[column[i]])));
  };

  // ---- Lanes: cluster → node → workload or pod, then sources -----------------------------------------------------------

  const HEIGHT = { node: 46, child: 24, source: 18, head: 24 };
  const nameOfChild = (i) => word(data.workloads, data.workload[i]) || word(data.pods, data.pod[i]);
  const laneOf = new Map();
  const arrange = () => {
    const changes = { key: "changes", name: "Changes and alerts", kind: "node", marks: [], states: [] };
    const nodes = new Map();
    const nodeLane = (name) => {
      if (!nodes.has(name)) nodes.set(name, { key: `n:${name}`, name: name || "No node named", kind: "node", marks: [], states: [], children: new Map(), fault: Infinity });
      return nodes.get(name);
    };
    for (const state of states) if (view.node < 0 || data.nodes[view.node] === state.node) { const lane = nodeLane(state.node); lane.states.push(state); lane.fault = Math.min(lane.fault, state.from); }
    for (const i of visible) {
      if (tone(i) === 2 || tone(i) === 3 || (tone(i) === 1 && data.node[i] < 0)) { changes.marks.push(i); continue; }
      const lane = nodeLane(word(data.nodes, data.node[i]));
      const child = nameOfChild(i);
      lane.marks.push(i);
      if (tone(i) === 4) lane.fault = Math.min(lane.fault, time[i]);
      if (child) { if (!lane.children.has(child)) lane.children.set(child, []); lane.children.get(child).push(i); }
    }
    const sorted = [...nodes.values()].sort((a, b) => a.fault - b.fault || a.name.localeCompare(b.name, "en"));
    lanes = [];
    if (data.clusters.length) lanes.push({ key: "cluster", name: data.clusters.join(", "), kind: "head", marks: [], states: [] });
    if (changes.marks.length) lanes.push(changes);
    for (const lane of sorted) {
      lane.folds = lane.children.size > 0;
      const whole = lane.marks;
      lanes.push(lane);
      if (lane.folds && open.has(lane.key)) {
        lane.marks = whole.filter((i) => !nameOfChild(i));
        for (const [name, marks] of [...lane.children].sort((a, b) => time[a[1][0]] - time[b[1][0]])) lanes.push({ key: `${lane.key}/${name}`, name, kind: "child", marks, states: [] });
      }
    }
    const sources = data.sources.map((source, index) => ({ key: `f:${index}`, name: source.path.split("/").pop(), kind: "source", source, index, marks: [], states: [] }))
      .filter((lane) => lane.source.from !== null && (view.source < 0 || lane.index === view.source));
    for (const i of visible) { const lane = sources.find((other) => other.index === data.source[i]); if (lane && lane.marks.length < 5000) lane.marks.push(i); }
    lanes.push({ key: "sources", name: `Evidence: ${sources.length} sources`, kind: "head", marks: [], states: [], folds: true, covers: sources });
    if (open.has("sources")) lanes.push(...sources);
    laneOf.clear();
    tall = 0;
    for (const lane of lanes) {
      lane.y = tall;
      lane.height = HEIGHT[lane.kind];
      tall += lane.height;
      if (lane.kind !== "source") for (const i of lane.marks) laneOf.set(i, lane);
    }
  };
  {
    // At first, nodes with faults are unfolded as long as that stays readable.
    matches();
    arrange();
    let rows = lanes.length;
    for (const lane of lanes) if (lane.folds && lane.children && lane.fault < Infinity && rows + lane.children.size <= 24) { open.add(lane.key); rows += lane.children.size; }
    if (data.sources.length <= 8) open.add("sources");
  }

  // ---- Elements -------------------------------------------------------------------------------------------------------

  // A button whose text is only a sign is named by its title.
  const button = (label, title, action) => make("button", { type: "button", title, "aria-label": /^[+−]$/.test(label) ? title : false, click: action }, label);
  const choice = (label, all, list, key) => {
    const select = make("select", { "aria-label": label, change: () => { view[key] = Number(select.value); view.page = 0; refilter(); } }, make("option", { value: -1 }, all));
    list.map((name, index) => [name, index]).sort((a, b) => a[0].localeCompare(b[0], "en")).forEach(([name, index]) => select.append(make("option", { value: index }, name)));
    return select;
  };
  const nodeChoice = choice("Node", "All nodes", data.nodes, "node");
  const kindChoice = choice("Kind of signal", "All kinds", data.kinds.map((kind) => kind[0]), "kind");
  const sourceChoice = choice("Source", "All sources", data.sources.map((source) => source.path), "source");
  const textChoice = make("input", { type: "search", placeholder: "pod, image, path …", "aria-label": "Text to look for", input: () => { view.text = textChoice.value; view.page = 0; refilter(); } });
  const clockChoice = make("select", { "aria-label": "Clock", change: () => { view.clock = clockChoice.value; redraw(); } },
    make("option", { value: "utc" }, "UTC"), make("option", { value: "local" }, "Local time"), make("option", { value: "relative" }, "From the start"));
  const tableButton = button("Table", "Show the same as a table", () => { view.table = !view.table; redraw(); });
  const linkButton = button("Copy link", "Copy a link to this view", () => { keep(); copyText(location.href, linkButton, "Copied"); });
  const bar = make("div", { class: "ex-bar", role: "toolbar", "aria-label": "Timeline" },
    make("span", { class: "ex-set" }, button("◀ fault", "Previous fault (P)", () => fault(-1)), button("fault ▶", "Next fault (N)", () => fault(1)), button("↰ cause", "To its cause ([)", () => along(causes, "from")), button("effect ↳", "To its effect (])", () => along(effects, "to"))),
    make("span", { class: "ex-set" }, button("+", "Zoom in (+)", () => zoom(0.5)), button("−", "Zoom out (−)", () => zoom(2)), button("Fit", "Show the incident (0)", () => go(...home)), button("All", "Show everything (9)", () => go(...domain))),
    make("span", { class: "ex-set" }, clockChoice, tableButton, linkButton));
  const filters = make("div", { class: "ex-bar", role: "group", "aria-label": "Filter" }, nodeChoice, kindChoice, sourceChoice, textChoice, button("Clear", "Clear all filters", () => { Object.assign(view, { node: -1, kind: -1, source: -1, text: "", page: 0 }); refilter(); }));
  const count = make("p", { class: "ex-count", role: "status" });
  const ruler = make("canvas", { class: "ex-ruler", role: "img", "aria-label": "How many signals there are over time; drag to choose a stretch" });
  const canvas = make("canvas", { class: "ex-canvas", tabindex: "0", role: "application", "aria-label": "Timeline of nodes, workloads and sources", "aria-describedby": "ex-keys" });
  const spacer = make("div", { class: "ex-spacer" });
  const scroller = make("div", { class: "ex-scroll" }, canvas, spacer);
  const card = make("div", { class: "ex-card", hidden: true, "aria-hidden": "true" });
  const keys = make("p", { class: "legend", id: "ex-keys" }, "Drag to move, shift and drag (or drag above) to choose a stretch, Ctrl and wheel or two fingers to zoom. Keys: ← → move, + − zoom, 0 incident, 9 everything, N P faults, [ ] cause and effect, ↑ ↓ neighbours, Enter records, E unfold, / filter, T table. ✕ fault ▶ change ■ recovery ▲ alert ● other; hatched: Unknown; a column of several stands for many signals.");
  const detail = make("div", { class: "ex-detail", role: "region", "aria-label": "Chosen signal" });
  const table = make("div", { class: "ex-table", hidden: true });
  host.append(bar, filters, count, ruler, make("div", { class: "ex-frame" }, scroller, card), keys, detail, table, say);
  host.hidden = false;
  byId("lanes").classList.add("drawn");
  const fold = byId("timeline-table");
  if (fold) fold.open = false;

  // ---- Drawing --------------------------------------------------------------------------------------------------------

  let colours = {};
  const readColours = () => {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["bg", "card", "ink", "soft", "line", "lane", "accent", "fault", "change", "good", "alert", "mark", "fault-soft"]) colours[name] = style.getPropertyValue(`--${name}`).trim();
    colours.tones = [colours.soft, colours.good, colours.change, colours.alert, colours.fault];
  };
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", () => { readColours(); redraw(); });
  readColours();

  const prepare = (element, width, height) => {
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (element.width !== w || element.height !== h) { element.width = w; element.height = h; element.style.width = `${width}px`; element.style.height = `${height}px`; }
    const pen = element.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    return pen;
  };
  let width = 900;
  let gutter = 170;
  const xOf = (at) => gutter + (at - view.from) / (view.to - view.from) * (width - gutter - 8);
  const atOf = (x) => view.from + (x - gutter) / (width - gutter - 8) * (view.to - view.from);
  const lowerBound = (list, at) => { let [low, high] = [0, list.length]; while (low < high) { const middle = (low + high) >> 1; if (time[list[middle]] < at) low = middle + 1; else high = middle; } return low; };
  const shorten = (pen, text, most) => {
    if (pen.measureText(text).width <= most) return text;
    let cut = text.length;
    while (cut > 1 && pen.measureText(`${text.slice(0, cut)}…`).width > most) cut = Math.min(cut - 1, Math.floor(cut * 0.92));
    return `${text.slice(0, cut)}…`;
  };
  const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 144e5, 216e5, 432e5, 864e5, 6048e5, 2592e6, 31536e6];
  const ticks = (from, to, most) => {
    const step = STEPS.find((candidate) => (to - from) / candidate <= most) || STEPS[STEPS.length - 1];
    const base = view.clock === "relative" ? data.window[0] : 0;
    const found = [];
    for (let at = Math.ceil((from - base) / step) * step + base; at <= to; at += step) found.push(at);
    return found;
  };
  const shape = (pen, which, x, y, r = 4) => {
    pen.fillStyle = pen.strokeStyle = colours.tones[which];
    pen.beginPath();
    if (which === 4) { pen.lineWidth = 2.2; pen.moveTo(x - r, y - r); pen.lineTo(x + r, y + r); pen.moveTo(x + r, y - r); pen.lineTo(x - r, y + r); pen.stroke(); return; }
    if (which === 2) { pen.moveTo(x - r, y - r - 1); pen.lineTo(x + r + 1, y); pen.lineTo(x - r, y + r + 1); } else if (which === 1) pen.rect(x - r, y - r, 2 * r, 2 * r);
    else if (which === 3) { pen.moveTo(x, y - r - 1); pen.lineTo(x + r + 1, y + r); pen.lineTo(x - r - 1, y + r); } else pen.arc(x, y, r - 1, 0, 7);
    pen.fill();
  };
  const hatch = (pen, x, y, w, h, step = 6) => {
    pen.save(); pen.beginPath(); pen.rect(x, y, w, h); pen.clip(); pen.beginPath();
    for (let at = x - h - (x % step); at < x + w; at += step) { pen.moveTo(at, y + h); pen.lineTo(at + h, y); }
    pen.stroke(); pen.restore();
  };
  const COLUMN = 6;
  // Where many signals share a few pixels they become one column: its height tells how many, its colour and mark the gravest.
  const columns = (lane) => {
    const list = lane.marks;
    const [start, end] = [lowerBound(list, view.from), lowerBound(list, view.to)];
    const groups = [];
    let group = null;
    for (let at = start; at < end; at++) {
      const i = list[at];
      const slot = Math.floor(xOf(time[i]) / COLUMN);
      if (!group || group.slot !== slot) { group = { slot, count: 0, grave: 0, first: i, last: i, x: 0 }; groups.push(group); }
      group.count += 1;
      group.last = i;
      if (tone(i) > group.grave || group.count === 1) { group.grave = tone(i); group.first = i; group.x = xOf(time[i]); }
      if (i === view.chosen) group.chosen = true;
    }
    return groups;
  };
  // Names of nodes lose their domain, workloads their kind: what is left tells them apart; the card and the table have the whole.
  const brief = (lane) => {
    if (lane.kind === "node") return /^[^.]{5,}\./.test(lane.name) ? lane.name.split(".")[0] : lane.name;
    const parts = lane.kind === "child" ? lane.name.split("/") : [];
    return parts.length === 3 ? `${parts[2]} (${parts[0]})` : lane.name;
  };
  let drawn = [];
  const draw = () => {
    width = Math.max(300, host.clientWidth - 2);
    gutter = width < 560 ? 104 : 176;
    const height = Math.min(tall + 26, Math.max(240, Math.round(innerHeight * 0.66)));
    scroller.style.height = `${height}px`;
    spacer.style.height = `${Math.max(0, tall + 26 - height)}px`;
    const top = 22;
    const offset = scroller.scrollTop;
    const pen = prepare(canvas, width, height);
    drawn = [];
    const font = (weight, pixels) => { pen.font = `${weight} ${pixels}px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif`; };
    pen.save();
    pen.beginPath(); pen.rect(0, top, width, height - top); pen.clip();
    pen.translate(0, top - offset);
    lanes.forEach((lane, index) => {
      if (lane.y + lane.height < offset || lane.y > offset + height) return;
      if (lane.kind === "head") { pen.fillStyle = colours.line; pen.fillRect(0, lane.y, width, 1); } else {
        pen.fillStyle = lane.kind === "node" ? colours.lane : index % 2 ? colours.card : colours.bg;
        pen.fillRect(gutter, lane.y + 1, width - gutter, lane.height - 2);
      }
    });
    pen.strokeStyle = colours.line; pen.lineWidth = 1; pen.beginPath();
    const marks = ticks(view.from, view.to, Math.max(2, Math.floor((width - gutter) / 92)));
    for (const at of marks) { pen.moveTo(Math.round(xOf(at)) + 0.5, offset); pen.lineTo(Math.round(xOf(at)) + 0.5, offset + height); }
    pen.stroke();
    pen.save();
    pen.beginPath(); pen.rect(gutter, offset, width - gutter, height); pen.clip();
    for (const lane of lanes) {
      if (lane.y + lane.height < offset || lane.y > offset + height) continue;
      if (lane.kind === "source" || lane.covers) {
        const covers = lane.covers && !open.has("sources") ? lane.covers : lane.kind === "source" ? [lane] : [];
        const one = covers.length > 1 ? (lane.height - 8) / covers.length : lane.height - 10;
        covers.forEach((cover, row) => {
          const x1 = Math.max(gutter, xOf(cover.source.from));
          const x2 = Math.min(width, Math.max(xOf(cover.source.to), xOf(cover.source.from) + 2));
          const y = lane.y + (covers.length > 1 ? 4 + row * one : 5);
          pen.fillStyle = pen.strokeStyle = colours.soft;
          if (covers.length === 1 && lane.kind === "source") { pen.globalAlpha = 0.28; pen.lineWidth = 1; hatch(pen, gutter, y, x1 - gutter, one, 7); hatch(pen, x2, y, width - x2, one, 7); }
          pen.globalAlpha = covers.length > 1 ? 0.35 : 0.22;
          if (x2 > x1) pen.fillRect(x1, y, x2 - x1, Math.max(0.6, one - (covers.length > 8 ? 0 : 1)));
          pen.globalAlpha = 1;
        });
      }
      for (const state of lane.states) {
        const [x1, x2] = [Math.max(gutter - 4, xOf(state.from)), Math.min(width + 4, xOf(Math.min(state.to, view.to + 1e9)))];
        if (x2 < gutter || x1 > width) continue;
        const y = lane.y + (state.condition === "Ready" ? 31 : 18);
        const w = Math.max(3, x2 - x1);
        pen.lineWidth = 1;
        if (state.status === "Unknown") { pen.fillStyle = colours.card; pen.fillRect(x1, y, w, 12); pen.strokeStyle = colours.ink; hatch(pen, x1, y, w, 12); pen.strokeRect(x1 + 0.5, y + 0.5, w - 1, 11); } else if (state.condition === "Ready") { pen.fillStyle = colours.card; pen.fillRect(x1, y, w, 12); pen.setLineDash([4, 2]); pen.strokeStyle = colours.ink; pen.strokeRect(x1 + 0.5, y + 0.5, w - 1, 11); pen.setLineDash([]); } else { pen.fillStyle = colours.fault; pen.fillRect(x1, y, w, 12); }
        const label = state.condition === "Ready" ? `Ready ${state.status}` : state.status === "Unknown" ? `${state.condition} Unknown` : state.condition;
        font(600, 10);
        if (w > pen.measureText(label).width + 10) {
          const boxed = state.status === "Unknown";
          if (boxed) { pen.fillStyle = colours.card; pen.fillRect(x1 + 3, y + 1, pen.measureText(label).width + 6, 10); }
          pen.fillStyle = boxed || state.condition === "Ready" ? colours.ink : colours.card;
          pen.textBaseline = "middle";
          pen.fillText(label, Math.max(x1, gutter) + 6, y + 6.5);
        }
        drawn.push({ x1, x2: x1 + w, y1: y + top - offset, y2: y + 12 + top - offset, state });
      }
      const groups = columns(lane);
      const y = lane.y + (lane.kind === "node" ? 10 : lane.height / 2);
      for (const group of groups) {
        const x = group.x;
        if (lane.kind === "source") { pen.fillStyle = colours.tones[group.grave]; pen.fillRect(x - 1, lane.y + 4, 2, lane.height - 8); } else if (group.count > 3) {
          const h = Math.min(lane.height / 2 - 2, 3 + Math.log2(group.count) * 1.8);
          pen.fillStyle = colours.tones[group.grave];
          pen.globalAlpha = group.grave === 4 ? 0.9 : 0.65;
          pen.fillRect(group.slot * COLUMN, y - h, COLUMN - 1, h * 2);
          pen.globalAlpha = 1;
          if (group.grave === 4) { pen.fillStyle = colours.ink; pen.fillRect(group.slot * COLUMN, y + h + 1, COLUMN - 1, 2); }
        } else shape(pen, group.grave, x, y, lane.kind === "child" ? 3.4 : 4);
        drawn.push({ x1: x - 5, x2: x + 5, y1: y - 8 + top - offset, y2: y + 8 + top - offset, group, lane });
      }
    }
    const place = (i) => { const lane = laneOf.get(i); return lane && [xOf(time[i]), lane.y + (lane.kind === "node" ? 10 : lane.height / 2)]; };
    const chain = view.chosen < 0 ? new Set() : chainOf(view.chosen);
    const some = allLinks.length <= 400 ? allLinks : allLinks.filter((link) => chain.has(link));
    for (const link of some) {
      const [a, b] = [place(link.from), place(link.to)];
      if (!a || !b || (a[0] < gutter && b[0] < gutter) || (a[0] > width && b[0] > width)) continue;
      const strong = chain.has(link);
      pen.strokeStyle = pen.fillStyle = strong ? colours.accent : colours.ink;
      pen.globalAlpha = strong ? 1 : 0.28;
      pen.lineWidth = strong ? 2 : 1;
      if (link.sure !== "certain") pen.setLineDash([5, 3]);
      const bend = Math.max(14, Math.abs(b[0] - a[0]) / 3);
      pen.beginPath(); pen.moveTo(a[0], a[1]); pen.bezierCurveTo(a[0] + bend, a[1], b[0] - bend, b[1], b[0], b[1]); pen.stroke();
      pen.setLineDash([]);
      pen.beginPath(); pen.moveTo(b[0] - 4, b[1]); pen.lineTo(b[0] - 11, b[1] - 4); pen.lineTo(b[0] - 11, b[1] + 4); pen.fill();
      pen.globalAlpha = 1;
    }
    const spot = view.chosen >= 0 && place(view.chosen);
    if (spot) { pen.strokeStyle = colours.accent; pen.lineWidth = 2.5; pen.beginPath(); pen.arc(spot[0], spot[1], 10, 0, 7); pen.stroke(); }
    pen.restore();
    pen.textBaseline = "middle";
    for (const lane of lanes) {
      if (lane.y + lane.height < offset || lane.y > offset + height) continue;
      font(lane.kind === "node" || lane.kind === "head" ? 600 : 400, lane.kind === "source" ? 10 : 11.5);
      pen.fillStyle = lane.kind === "child" || lane.kind === "source" ? colours.soft : colours.ink;
      const indent = lane.kind === "child" || lane.kind === "source" ? 18 : 4;
      const sign = lane.folds ? (open.has(lane.key) ? "▾ " : "▸ ") : "";
      const y = lane.y + (lane.kind === "node" ? 15 : lane.height / 2);
      pen.fillText(shorten(pen, sign + brief(lane), gutter - indent - 8), indent, y);
      if (lane.kind === "node" && lane.marks.length) { font(400, 10.5); pen.fillStyle = colours.soft; pen.fillText(lane.marks.length === 1 ? "1 signal" : `${lane.marks.length} signals`, indent + (lane.folds ? 12 : 0), lane.y + 32); }
    }
    pen.restore();
    font(400, 11);
    pen.fillStyle = colours.soft; pen.textAlign = "center"; pen.textBaseline = "middle";
    for (const at of marks) if (xOf(at) > gutter + 20 && xOf(at) < width - 20) pen.fillText(show(at), xOf(at), 11);
    pen.textAlign = "left";
    font(600, 11);
    pen.fillStyle = colours.ink;
    const zone = -new Date(home[0]).getTimezoneOffset() / 60;
    pen.fillText(view.clock === "utc" ? `UTC ${new Date(view.from).toISOString().slice(0, 10)}` : view.clock === "local" ? `local, UTC${zone < 0 ? "−" : "+"}${Math.abs(zone)}` : "after the start", 4, 11);
    drawRuler();
  };
  const drawRuler = () => {
    const height = 54;
    const pen = prepare(ruler, width, height);
    const slots = Math.max(1, Math.floor((width - 8) / 3));
    const all = new Uint32Array(slots);
    const bad = new Uint32Array(slots);
    let most = 1;
    for (const i of visible) {
      const slot = Math.min(slots - 1, Math.floor((time[i] - domain[0]) / (domain[1] - domain[0]) * slots));
      all[slot] += 1;
      if (tone(i) === 4) bad[slot] += 1;
      most = Math.max(most, all[slot]);
    }
    const scale = (count) => (count ? 2 + Math.log2(1 + count) / Math.log2(1 + most) * (height - 14) : 0);
    pen.fillStyle = colours.lane; pen.fillRect(0, 0, width, height);
    for (let slot = 0; slot < slots; slot++) {
      pen.fillStyle = colours.soft; pen.globalAlpha = 0.55;
      pen.fillRect(4 + slot * 3, height - scale(all[slot]), 2, scale(all[slot]));
      pen.fillStyle = colours.fault; pen.globalAlpha = 1;
      pen.fillRect(4 + slot * 3, height - scale(bad[slot]), 2, scale(bad[slot]));
    }
    const x = (at) => 4 + (at - domain[0]) / (domain[1] - domain[0]) * (width - 8);
    const [x1, x2] = brush ? [Math.min(...brush), Math.max(...brush)] : [x(view.from), x(view.to)];
    pen.fillStyle = colours.bg; pen.globalAlpha = 0.6;
    pen.fillRect(0, 0, x1, height); pen.fillRect(x2, 0, width - x2, height);
    pen.globalAlpha = 1; pen.strokeStyle = colours.accent; pen.lineWidth = 2;
    pen.strokeRect(x1 + 1, 1, Math.max(3, x2 - x1 - 2), height - 2);
  };

  let asked = 0;
  let first_paint = true;
  const redraw = () => {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(() => {
      draw();
      if (first_paint) { first_paint = false; performance.mark("timeline-drawn"); }
      const inside = lowerBound(visible, view.to) - lowerBound(visible, view.from);
      count.textContent = `${inside} of ${size} signals in view, ${show(view.from, false)} – ${show(view.to, false)}${data.left_out ? `; ${data.left_out} further signals are only in JSON` : ""}`;
      tableButton.setAttribute("aria-pressed", String(view.table));
      if (view.table) fillTable(); else table.hidden = true;
      keepSoon();
    });
  };
  const refilter = () => {
    nodeChoice.value = String(view.node); kindChoice.value = String(view.kind); sourceChoice.value = String(view.source);
    if (textChoice.value !== view.text) textChoice.value = view.text;
    matches(); arrange(); redraw();
  };

  // ---- Moving ---------------------------------------------------------------------------------------------------------

  const go = (from, to) => {
    const span = Math.min(Math.max(to - from, 5), domain[1] - domain[0]);
    const middle = (from + to) / 2;
    view.from = Math.max(domain[0], Math.min(middle - span / 2, domain[1] - span));
    view.to = view.from + span;
    view.page = 0;
    redraw();
  };
  const zoom = (factor, around = (view.from + view.to) / 2) => go(around - (around - view.from) * factor, around + (view.to - around) * factor);
  const pan = (part) => { const by = (view.to - view.from) * part; go(view.from + by, view.to + by); };
  const chainOf = (start) => {
    const found = new Set();
    for (const [map, end] of [[causes, "from"], [effects, "to"]]) {
      const queue = [start];
      const seen = new Set(queue);
      while (queue.length) for (const link of map.get(queue.pop()) || []) { found.add(link); if (!seen.has(link[end])) { seen.add(link[end]); queue.push(link[end]); } }
    }
    return found;
  };
  const choose = (i, scroll = true) => {
    view.chosen = i;
    if (i >= 0 && !Number.isNaN(time[i])) {
      if (time[i] < view.from || time[i] > view.to) { const half = (view.to - view.from) / 2; go(time[i] - half, time[i] + half); }
      const lane = laneOf.get(i);
      if (scroll && lane && (lane.y < scroller.scrollTop || lane.y + lane.height > scroller.scrollTop + scroller.clientHeight - 26)) scroller.scrollTop = Math.max(0, lane.y - 60);
    }
    describe();
    redraw();
  };
  const step = (direction, fits) => {
    const from = view.chosen >= 0 && !Number.isNaN(time[view.chosen]) ? visible.indexOf(view.chosen) : direction > 0 ? lowerBound(visible, view.from) - 1 : lowerBound(visible, view.to);
    for (let at = from + direction; at >= 0 && at < visible.length; at += direction) if (fits(visible[at])) return choose(visible[at]);
    say.textContent = direction > 0 ? "None after this" : "None before this";
  };
  const fault = (direction) => step(direction, (i) => tone(i) === 4);
  const along = (map, end) => {
    const next = view.chosen >= 0 && (map.get(view.chosen) || [])[0];
    if (next) choose(next[end]); else say.textContent = view.chosen < 0 ? "Choose a signal first" : "No link leads on from here";
  };
  const toggle = (lane) => { if (!lane || !lane.folds) return; open.has(lane.key) ? open.delete(lane.key) : open.add(lane.key); arrange(); redraw(); };

  // ---- What is chosen -------------------------------------------------------------------------------------------------

  const title = (i) => `${data.kinds[data.kind[i]][0]}${data.count[i] > 1 ? ` × ${data.count[i]}` : ""}`;
  const about = (i) => [word(data.nodes, data.node[i]), word(data.pods, data.pod[i]) || word(data.workloads, data.workload[i]), word(data.images, data.image[i])].filter(Boolean).join(" · ");
  const placeOf = (i) => (data.source[i] < 0 ? "" : `${data.sources[data.source[i]].path}:${data.line[i]}`);
  const jump = (i, lead = "") => make("button", { type: "button", class: "ex-jump", click: () => choose(i) }, `${lead}${show(time[i], true)} ${title(i)}`);
  const describe = () => {
    detail.replaceChildren();
    const i = view.chosen;
    if (i < 0) return;
    const records = byId(idOf(i));
    detail.append(make("p", { class: "ex-title" }, make("b", {}, `${idOf(i)} · ${title(i)}`), ` ${show(time[i], true)}${view.clock === "utc" ? " UTC" : ""}`, make("button", { type: "button", class: "copy", "aria-label": "Close", click: () => choose(-1) }, "✕")));
    if (about(i)) detail.append(make("p", {}, about(i)));
    detail.append(make("p", { class: "small" }, make("code", {}, placeOf(i)), data.cascade[i] ? ` · cascade c${data.cascade[i]}` : " · in no cascade"));
    if (records) {
      const text = records.querySelector("pre");
      if (text) detail.append(make("pre", { tabindex: "0" }, text.textContent));
      detail.append(make("p", {}, make("a", { href: `#${idOf(i)}` }, "All records of this signal")));
    } else detail.append(make("p", { class: "small" }, "Its records are not on this page: ", make("code", {}, `rootline explain '${placeOf(i)}'`), " shows them."));
    const list = (name, rows, end) => {
      if (!rows || !rows.length) return;
      detail.append(make("p", { class: "small" }, name), make("ul", { class: "plain" }, ...rows.slice(0, 8).map((row) => make("li", {}, jump(row[end]), make("span", { class: "small" }, ` ${row.because} (${row.sure})`)))));
    };
    list("Caused by", causes.get(i), "from");
    list("Led to", effects.get(i), "to");
    const beside = order.filter((other) => data.source[other] === data.source[i]).sort((a, b) => data.line[a] - data.line[b]);
    const at = beside.indexOf(i);
    const context = beside.slice(Math.max(0, at - 2), at + 3).filter((other) => other !== i);
    if (context.length) detail.append(make("p", { class: "small" }, "Beside it in the same source"), make("ul", { class: "plain" }, ...context.map((other) => make("li", {}, jump(other, `line ${data.line[other]}: `)))));
  };

  // ---- The table: the same, for those who would rather read ------------------------------------------------------------

  const ROWS = 100;
  const fillTable = () => {
    const rows = visible.slice(lowerBound(visible, view.from), lowerBound(visible, view.to));
    const pages = Math.max(1, Math.ceil(rows.length / ROWS));
    view.page = Math.min(view.page, pages - 1);
    const body = make("tbody");
    for (const i of rows.slice(view.page * ROWS, view.page * ROWS + ROWS)) {
      body.append(make("tr", i === view.chosen ? { class: "chosen" } : {}, make("td", { class: "t" }, show(time[i], true)), make("td", { class: `tone-${TONES[tone(i)]}` }, title(i)), make("td", {}, about(i)), make("td", { class: "small" }, placeOf(i)), make("td", {}, make("button", { type: "button", class: "ex-jump", "aria-label": `Choose ${idOf(i)}`, click: () => choose(i) }, idOf(i)))));
    }
    const turn = (by) => button(by < 0 ? "◀ earlier" : "later ▶", by < 0 ? "Earlier rows" : "Later rows", () => { view.page = Math.max(0, Math.min(pages - 1, view.page + by)); redraw(); });
    table.replaceChildren(
      make("p", { class: "ex-bar" }, turn(-1), make("span", {}, `page ${view.page + 1} of ${pages}`), turn(1)),
      make("table", { class: "stack rows" }, make("caption", { class: "hidden" }, "Signals in view"), make("thead", {}, make("tr", {}, ...["Time", "What", "About", "Record", "Choose"].map((name) => make("th", { scope: "col" }, name)))), body));
    table.hidden = false;
  };

  // ---- The view in the address ----------------------------------------------------------------------------------------

  const keep = () => {
    const parts = [`from=${Math.round(view.from)}`, `to=${Math.round(view.to)}`];
    if (view.chosen >= 0) parts.push(`at=${idOf(view.chosen)}`);
    if (view.clock !== "utc") parts.push(`clock=${view.clock}`);
    if (view.node >= 0) parts.push(`node=${encodeURIComponent(data.nodes[view.node])}`);
    if (view.kind >= 0) parts.push(`kind=${encodeURIComponent(data.kinds[view.kind][0])}`);
    if (view.source >= 0) parts.push(`source=${encodeURIComponent(data.sources[view.source].path)}`);
    if (view.text) parts.push(`text=${encodeURIComponent(view.text)}`);
    if (view.table) parts.push("table=1");
    try { history.replaceState(null, "", `#view?${parts.join("&")}`); } catch { /* An engine that forbids it for files loses the link, not the view. */ }
  };
  let touched = false;
  let soon = 0;
  const keepSoon = () => { if (!touched) return; clearTimeout(soon); soon = setTimeout(keep, 300); };
  const restore = () => {
    if (!location.hash.startsWith("#view?")) return false;
    const wanted = new URLSearchParams(location.hash.slice(6));
    const number = (name, other) => (Number.isFinite(parseFloat(wanted.get(name))) ? parseFloat(wanted.get(name)) : other);
    view.clock = ["utc", "local", "relative"].includes(wanted.get("clock")) ? wanted.get("clock") : "utc";
    view.node = data.nodes.indexOf(wanted.get("node"));
    view.kind = data.kinds.findIndex((kind) => kind[0] === wanted.get("kind"));
    view.source = data.sources.findIndex((source) => source.path === wanted.get("source"));
    view.text = wanted.get("text") || "";
    view.table = wanted.get("table") === "1";
    clockChoice.value = view.clock;
    view.chosen = indexById.has(wanted.get("at")) ? indexById.get(wanted.get("at")) : -1;
    refilter();
    go(number("from", home[0]), number("to", home[1]));
    describe();
    return true;
  };
  addEventListener("hashchange", () => { if (restore()) host.scrollIntoView(); });

  // ---- Hands ----------------------------------------------------------------------------------------------------------

  let brush = null;
  const local = (event, element) => { const box = element.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  ruler.addEventListener("pointerdown", (event) => { touched = true; const [x] = local(event, ruler); brush = [x, x]; ruler.setPointerCapture(event.pointerId); });
  ruler.addEventListener("pointermove", (event) => { if (!brush) return; brush[1] = local(event, ruler)[0]; drawRuler(); });
  const endBrush = () => {
    if (!brush) return;
    const at = (x) => domain[0] + (x - 4) / (width - 8) * (domain[1] - domain[0]);
    const [a, b] = [at(Math.min(...brush)), at(Math.max(...brush))];
    const wide = Math.abs(brush[1] - brush[0]) > 5;
    brush = null;
    if (wide) go(a, b); else { const half = (view.to - view.from) / 2; go(a - half, a + half); }
  };
  ruler.addEventListener("pointerup", endBrush);
  ruler.addEventListener("pointercancel", () => { brush = null; redraw(); });

  const fingers = new Map();
  let grip = null;
  let box = null;
  const hit = (x, y) => {
    let best = null;
    for (const thing of drawn) {
      if (x < thing.x1 - 3 || x > thing.x2 + 3 || y < thing.y1 - 3 || y > thing.y2 + 3) continue;
      const distance = thing.state ? 50 : Math.abs((thing.x1 + thing.x2) / 2 - x) + Math.abs((thing.y1 + thing.y2) / 2 - y);
      if (!best || distance < best.distance) best = { ...thing, distance };
    }
    return best;
  };
  canvas.addEventListener("pointerdown", (event) => {
    touched = true;
    const [x, y] = local(event, canvas);
    fingers.set(event.pointerId, [x, y]);
    canvas.setPointerCapture(event.pointerId);
    card.hidden = true;
    if (fingers.size === 2) {
      const [a, b] = [...fingers.values()];
      grip = { pinch: Math.max(20, Math.abs(a[0] - b[0])), from: view.from, to: view.to, around: atOf((a[0] + b[0]) / 2) };
    } else grip = { x, y, from: view.from, to: view.to, moved: false, brush: event.shiftKey };
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = local(event, canvas);
    if (!grip) return hover(x, y);
    fingers.set(event.pointerId, [x, y]);
    if (grip.pinch) {
      const [a, b] = [...fingers.values()];
      if (!b) return;
      const factor = grip.pinch / Math.max(20, Math.abs(a[0] - b[0]));
      go(grip.around - (grip.around - grip.from) * factor, grip.around + (grip.to - grip.around) * factor);
    } else if (Math.abs(x - grip.x) > 4 || grip.moved) {
      grip.moved = true;
      if (grip.brush) { box = [grip.x, x]; redraw(); card.hidden = false; card.textContent = `${show(atOf(Math.min(...box)), true)} – ${show(atOf(Math.max(...box)), true)}`; card.style.left = `${Math.min(x, width - 220)}px`; card.style.top = "2px"; } else { const by = (grip.x - x) / (width - gutter) * (grip.to - grip.from); go(grip.from + by, grip.to + by); }
    }
  });
  const letGo = (event) => {
    fingers.delete(event.pointerId);
    if (!grip) return;
    const held = grip;
    grip = null;
    if (held.pinch) return;
    if (box) { const [a, b] = [atOf(Math.min(...box)), atOf(Math.max(...box))]; box = null; card.hidden = true; go(a, b); return; }
    if (held.moved || event.type === "pointercancel") return;
    const [x, y] = local(event, canvas);
    const found = hit(x, y);
    if (x < gutter) { const at = y - 22 + scroller.scrollTop; return toggle(lanes.find((lane) => at >= lane.y && at < lane.y + lane.height)); }
    if (!found) return choose(-1);
    if (found.state) return found.state.signal && choose(indexById.get(found.state.signal) ?? -1, false);
    if (found.group.count > 3 && time[found.group.last] > time[found.group.first]) { const [a, b] = [atOf(found.group.slot * COLUMN), atOf(found.group.slot * COLUMN + COLUMN)]; const room = (b - a) * 4; choose(found.group.first, false); go(a - room, b + room); } else choose(found.group.first, false);
  };
  canvas.addEventListener("pointerup", letGo);
  canvas.addEventListener("pointercancel", letGo);
  canvas.addEventListener("pointerleave", () => { if (!grip) card.hidden = true; });
  canvas.addEventListener("dblclick", (event) => zoom(0.4, atOf(local(event, canvas)[0])));
  canvas.addEventListener("wheel", (event) => {
    if (event.ctrlKey || event.metaKey) { event.preventDefault(); touched = true; zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.01), atOf(local(event, canvas)[0])); } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) { event.preventDefault(); touched = true; pan((event.deltaX || event.deltaY) / width); }
  }, { passive: false });
  scroller.addEventListener("scroll", redraw, { passive: true });
  const hover = (x, y) => {
    const found = hit(x, y);
    canvas.style.cursor = found ? "pointer" : x < gutter ? "default" : "grab";
    if (!found) { card.hidden = true; return; }
    card.replaceChildren();
    if (found.state) card.append(make("b", {}, `${found.state.condition} ${found.state.status}`), make("br"), `${found.state.open[0] ? "from " + show(found.state.from, true) + " or earlier" : show(found.state.from, true)} – ${found.state.to === Infinity ? "end not in the record" : show(found.state.to, true) + (found.state.open[1] ? " (true end not known)" : "")}`);
    else if (found.group.count === 1) { const i = found.group.first; card.append(make("b", {}, title(i)), make("br"), `${show(time[i], true)} · ${idOf(i)}`, make("br"), about(i), make("br"), placeOf(i)); } else {
      const tally = new Map();
      const list = found.lane.marks;
      for (let at = lowerBound(list, time[found.group.first] - 1e12); at < list.length; at++) if (Math.floor(xOf(time[list[at]]) / COLUMN) === found.group.slot) tally.set(title(list[at]), (tally.get(title(list[at])) || 0) + 1);
      card.append(make("b", {}, `${found.group.count} signals`));
      for (const [name, number] of [...tally].sort((a, b) => b[1] - a[1]).slice(0, 6)) card.append(make("br"), `${number} × ${name}`);
    }
    card.hidden = false;
    card.style.left = `${Math.max(4, Math.min(x + 14, width - 290))}px`;
    card.style.top = `${y + 18}px`;
  };
  const KEYS = {
    ArrowLeft: () => pan(-0.15), ArrowRight: () => pan(0.15), "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1.6), 0: () => go(...home), 9: () => go(...domain),
    n: () => fault(1), p: () => fault(-1), "[": () => along(causes, "from"), "]": () => along(effects, "to"),
    ArrowDown: () => step(1, () => true), ArrowUp: () => step(-1, () => true), t: () => { view.table = !view.table; redraw(); }, "/": () => textChoice.focus(),
    e: () => toggle(lanes.find((lane) => lane.folds && (lane.key === (laneOf.get(view.chosen) || {}).key || (laneOf.get(view.chosen) || { key: "" }).key.startsWith(`${lane.key}/`)))),
    Escape: () => choose(-1), Enter: () => { if (view.chosen >= 0 && byId(idOf(view.chosen))) location.hash = idOf(view.chosen); },
  };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    touched = true;
    act();
    if (view.chosen >= 0) say.textContent = `${title(view.chosen)}, ${show(time[view.chosen], true)}, ${about(view.chosen)}`;
  });
  host.addEventListener("click", () => { touched = true; });
  host.addEventListener("input", () => { touched = true; });
  addEventListener("resize", redraw);
  arrange();
  if (!restore()) { redraw(); reveal(); }
})();
