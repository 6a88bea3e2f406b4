// Figures to move. A cell of the page computed every number that is shown (rnnlib/figures/explore.py);
// here they are looked up and drawn. Without this script the figure stands as it is, and on paper, too.
(() => {
"use strict";
const SVG = "http://www.w3.org/2000/svg";
const SYMBOL = { u: "U", w: "W", v: "V", U: "U", W: "W", V: "V", "ε": "grad", "λ": "grad", "δ": "grad" };
let made = 0;

// ---- parts -------------------------------------------------------------------------------------------

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

const minus = (text) => text.replace(/-/g, "−");
const number = (v) => minus(v === 0 || Math.abs(v) >= 0.0005 ? v.toFixed(3) : v.toExponential(1));
const short = (v) => minus(v !== 0 && (Math.abs(v) < 0.001 || Math.abs(v) >= 1e6) ? v.toExponential(1) : String(+v.toPrecision(3)));
const percent = (v) => (v >= 0.1 ? `${Math.round(100 * v)} %` : v < 1e-9 ? "nothing but rounding" : `${short(+(100 * v).toPrecision(2))} %`);

function tenTo(power) {  // a power of ten with its exponent raised
  return [" 10", element("sup", {}, minus(power.toFixed(1)))];
}

// A name such as δ_2 in its colour, its index lowered.
function symbol(name) {
  const base = name.startsWith("∂L/∂") ? name.slice(4) : name, span = element("span", { class: "explorable-symbol" });
  if (SYMBOL[base[0]]) span.classList.add(`sym-${SYMBOL[base[0]]}`);
  for (const part of name.split(/(_\d+)/)) span.append(part[0] === "_" ? element("sub", {}, part.slice(1)) : part);
  return span;
}

// A formula with names in braces, as nodes; `write` turns a name into what stands there.
function formula(text, write = symbol) {
  return text.split(/(\{[^}]*\})/).map((part) => (part[0] === "{" ? write(part.slice(1, -1)) : part));
}

function slider(label, last, start) {
  const input = element("input", { type: "range", min: 0, max: last, step: 1, value: start });
  const output = element("output", { "aria-live": "off" }), whole = element("label", { class: "explorable-control" }, element("span", {}, label), input, output);
  return {
    whole, input,
    get at() { return Number(input.value); },
    set at(value) { input.value = value; },
    say(text) { output.textContent = text; input.setAttribute("aria-valuetext", text); },
  };
}

function choice(label, names, start) {
  const select = element("select", {}, ...names.map((name, k) => element("option", { value: k }, name)));
  select.value = start;
  return { whole: element("label", { class: "explorable-control" }, element("span", {}, label), select), input: select, get at() { return Number(select.value); } };
}

// The controls below the figure and the text that tells what is shown; `show` runs after every change.
function controls(box, name, parts, show) {
  const row = element("div", { class: "explorable-controls", role: "group", "aria-label": name }, ...parts.map((part) => part.whole));
  const told = element("div", { class: "explorable-said", role: "status", "aria-live": "polite" });
  box.append(row, told);
  for (const part of parts) part.input?.addEventListener("input", show);
  function say(...lines) {
    told.replaceChildren(...lines.map((line) => element("p", {}, ...[line].flat(2))));
    for (const svg of box.querySelectorAll("svg.rnn-svg")) svg.setAttribute("aria-label", told.textContent);
  }
  return { row, say };
}

// Where the marks of a position are drawn: over the figure's own, which are put away; cut off at the frame.
function layer(svg, axes) {
  const group = shape("g", { class: "moving" });
  if (axes) {
    const id = `explorable-${++made}`, clip = shape("clipPath", { id }), { x, y } = axes;
    clip.append(shape("rect", { x: x.start, y: y.end, width: x.end - x.start, height: y.start - y.end }));
    svg.append(clip);
    group.setAttribute("clip-path", `url(#${id})`);
  }
  svg.append(group);
  return group;
}

// The same with the dots above it, which may stand on the frame.
function layers(svg, axes) {
  const lines = layer(svg, axes), dots = layer(svg);
  return (curves, points) => { lines.replaceChildren(...curves); dots.replaceChildren(...points); };
}

function place(axis, value) {
  return axis.start + ((value - axis.low) / (axis.high - axis.low)) * (axis.end - axis.start);
}

function curve(axes, xs, ys, cls) {
  let d = "", pen = "M";
  xs.forEach((x, k) => {
    const y = ys[k];
    if (y === null || !Number.isFinite(y)) { pen = "M"; return; }
    d += `${pen}${place(axes.x, x).toFixed(1)} ${place(axes.y, y).toFixed(1)}`;
    pen = "L";
  });
  return shape("path", { d, class: cls });
}

function dot(axes, x, y, cls) {
  const inside = (axis, v) => place(axis, Math.min(Math.max(v, axis.low), axis.high));
  return shape("circle", { cx: inside(axes.x, x).toFixed(1), cy: inside(axes.y, y).toFixed(1), r: 6, class: cls });
}

// ---- the figures -------------------------------------------------------------------------------------

const KINDS = {
  // Back-propagation through time, value by value.
  steps(box, data, [svg]) {
    const last = data.steps.length, names = Object.keys(data.runs), copies = new Map();
    for (const text of svg.querySelectorAll(".still text")) {  // a copy to write on; the original stays for paper
      const copy = text.cloneNode(true), key = data.marks[text.closest("[class*='at-']").getAttribute("class").match(/at-(\d+)/)[1]];
      copy.setAttribute("x", Number(text.getAttribute("x")) + Number(text.getAttribute("textLength")) / 2);
      copy.removeAttribute("textLength");
      copy.removeAttribute("lengthAdjust");
      copy.classList.add("moving", "explorable-value");
      text.parentNode.after(copy);
      copies.set(key, copy);
    }
    const light = layer(svg);
    svg.prepend(light);
    const run = choice("Example", names, 0), step = slider("Step", last, 0);
    const back = element("button", { type: "button" }, "Back"), forward = element("button", { type: "button" }, "Forward");
    const buttons = { whole: element("div", { class: "explorable-buttons" }, back, forward) };

    function equation(label) {
      const link = [...document.querySelectorAll("article a[href*='#equation-']:not(.headerlink)")].find((a) => a.hash === `#equation-${label}` && !box.contains(a));
      return link ? [", ", link.cloneNode(true)] : "";
    }

    function show() {
      const { given, results } = data.runs[names[run.at]], known = new Map(Object.entries(given)), done = new Set(), lines = [];
      let fresh = [];
      for (let k = 0; k < step.at; k++) {
        fresh = data.steps[k].lines.map(([name, of, label], j) => {
          const write = (of) => formula(of, (part) => { const v = number(known.get(part)); return v[0] === "−" ? `(${v})` : v; });
          if (k === step.at - 1 && of) {
            lines.push([symbol(name), of.includes(`{${name}}`) ? " ← " : " = ", ...formula(of), equation(label), element("br"),
              "= ", ...write(of), " = ", element("b", {}, number(results[k][j]))]);
          }
          known.set(name, results[k][j]);
          done.add(name);
          return name;
        });
      }
      data.marks.forEach((key, k) => {
        for (const mark of svg.querySelectorAll(`.at-${k}`)) mark.classList.toggle("later", !done.has(key));
        const copy = copies.get(key);
        if (!copy) return;
        copy.textContent = done.has(key) ? number(known.get(key)) : "";
        copy.classList.toggle("now", fresh.includes(key));
      });
      light.replaceChildren(...fresh.filter((key) => copies.has(key)).map((key) => {
        const { x, y, width, height } = copies.get(key).getBBox();
        return shape("rect", { x: x - 3, y: y - 1, width: width + 6, height: height + 2, rx: 4, class: "explorable-fresh" });
      }));
      step.say(`${step.at} of ${last}`);
      back.disabled = step.at === 0;
      forward.disabled = step.at === last;
      const start = ["u", "w", "v", "b", "c"].flatMap((name, k) => [k ? ", " : "", symbol(name), ` = ${minus(String(given[name]))}`]);
      said(step.at ? `${data.steps[step.at - 1].words}.` : ["Given: ", ...start, ". Press Forward."], ...lines);
    }

    const { row, say: said } = controls(box, "Step through back-propagation", [run, step, buttons], show);
    const move = (by) => { step.at = Math.min(Math.max(step.at + by, 0), last); show(); };
    for (const [button, by] of [[back, -1], [forward, 1]]) {
      button.addEventListener("click", () => { move(by); if (button.disabled) step.input.focus(); });
    }
    row.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (by && event.target.tagName === "BUTTON") { event.preventDefault(); move(by); }
    });
    return show;
  },

  // Spectral radius and activation against what is left after k steps back.
  norms(box, data, [svg]) {
    const { axes, radii, k, table } = data, draw = layers(svg, axes), ends = k[k.length - 1];
    const f = choice("Activation", data.activations, data.start[0]), kind = choice("W", data.kinds, data.start[1]);
    const radius = slider("Spectral radius ρ(W)", radii.length - 1, data.start[2]);
    function show() {
      const { powers, eta } = table[f.at][kind.at], chosen = powers[radius.at], bound = k.map((v) => v * Math.log10(eta[radius.at]));
      const end = chosen[chosen.length - 1], curves = powers.map((row) => curve(axes, k, row, "explorable-other"));
      draw([...curves, curve(axes, k, bound, "explorable-bound"), curve(axes, k, chosen, "explorable-chosen")], end === null ? [] : [dot(axes, ends, end, "explorable-dot")]);
      radius.say(short(radii[radius.at]));
      say([`${data.activations[f.at]}, `, symbol("W"), ` ${data.kinds[kind.at]}, ρ = ${short(radii[radius.at])}, η = ${short(eta[radius.at])}.`],
        [`After ${ends} steps the norm is `, ...(end === null ? ["0"] : tenTo(end)), "; the bound, dotted, is ", ...tenTo(bound[bound.length - 1]), "."]);
    }
    const { say } = controls(box, "Choose a network", [f, kind, radius], show);
    return show;
  },

  // Truncation: which pairs are kept, and what is lost.
  truncation(box, data, [left, right]) {
    const { T, axes, cells, table, pairs } = data, grid = layer(left), draw = layers(right, axes), at = Array.from({ length: T }, (_, k) => k + 1);
    const network = choice("Network", data.names, data.start[0]), form = choice("Form", data.forms, data.start[1]), size = slider("Steps k", T - 1, data.start[2] - 1);
    const kept = (t, i, k) => (data.forms[form.at] === "window" ? t - i < k : Math.floor((t - 1) / k) === Math.floor((i - 1) / k));
    function cell(t, i, power, k) {
      const ink = power === null ? 0.06 : Math.max(0.06, 1 + power / 4);  // as in explore.py
      const x = cells.left + cells.size * (i - 1), y = cells.top + cells.size * (t - 1), half = cells.size / 2;
      if (kept(t, i, k)) return shape("rect", { x: x + 1, y: y + 1, width: cells.size - 2, height: cells.size - 2, "fill-opacity": ink.toFixed(2), class: "explorable-kept" });
      return shape("circle", { cx: x + half, cy: y + half, r: (1 + 3.5 * ink).toFixed(1), class: "explorable-lost" });
    }
    function show() {
      const k = size.at + 1, name = data.forms[form.at], { powers, bound, [name]: found } = table[network.at], log = (row) => row.map((v) => (v === null ? null : Math.log10(Math.max(v, 1e-12))));
      grid.replaceChildren(...powers.flatMap((row, t) => row.map((power, i) => cell(t + 1, i + 1, power, k))));
      const limit = name === "window" ? bound : null, lost = log(found.lost);
      const curves = table.map((other) => curve(axes, at, log(other[name].lost), "explorable-other"));
      if (limit) curves.push(curve(axes, at, log(limit), "explorable-bound"));
      draw([...curves, curve(axes, at, lost, "explorable-chosen")], [dot(axes, k, lost[k - 1], "explorable-dot")]);
      size.say(String(k));
      say(`${data.names[network.at]}, ${name === "window" ? "window" : "chunks"} of k = ${k}: ${pairs[name][k - 1]} of ${pairs.window[T - 1]} pairs are kept.`,
        `Lost: ${percent(found.lost[k - 1])} of the gradient's norm; the direction is turned by ${found.turned[k - 1]} degrees.`,
        k === T ? "Nothing is cut off." : limit ? `The theorem allows up to ${limit[k - 1] < 2 ? percent(limit[k - 1]) : `${short(limit[k - 1])} times the norm`}.`
          : name === "window" ? "η is not below 1: the theorem promises nothing." : "The theorem is about windows.");
    }
    const { say } = controls(box, "Choose a truncation", [network, form, size], show);
    return show;
  },

  // Clipping by norm at a cliff.
  clipping(box, data, [left, right]) {
    const { axes, limits, at, table, starts, steps } = data, plane = layers(left, axes[0]), draw = layers(right, axes[1]);
    const from = choice("Start", starts, data.start[0]), limit = slider("Limit θ", limits.length - 1, data.start[1]);
    const log = (row) => row.map((v) => Math.log10(Math.max(v, 1e-12)));
    function show() {
      const k = limit.at, theta = limits[k], found = table[starts[from.at]], path = found.paths[k], [xs, ys] = [0, 1].map((side) => path.map((p) => p[side]));
      plane([curve(axes[0], xs.slice(1), ys.slice(1), "explorable-later-steps"), curve(axes[0], xs.slice(0, 2), ys.slice(0, 2), "explorable-chosen")], [dot(axes[0], xs[0], ys[0], "explorable-start")]);
      const one = log(found.one), end = log(found.last);
      draw([curve(axes[1], at, one, "explorable-bound"), curve(axes[1], at, end, "explorable-chosen")], [dot(axes[1], at[k], one[k], "explorable-start"), dot(axes[1], at[k], end[k], "explorable-dot")]);
      const words = theta === null ? "none" : short(theta), acts = theta !== null && theta < found.norm;
      limit.say(words);
      say(`The gradient at the start has norm ${short(found.norm)}; limit: ${words}. ${acts ? `Clipped to ${short(theta)}` : "Not clipped"}, the first step has length ${short(found.moved[k])}.`,
        `It leads from loss ${short(found.loss)} to ${short(found.one[k])}, at w = ${short(xs[1])}, b = ${short(ys[1])}. After ${steps} steps: ${short(found.last[k])}.`);
    }
    const { say } = controls(box, "Choose a limit", [from, limit], show);
    return show;
  },
};

function start(box) {
  const source = box.querySelector("script[type='application/json']"), begin = KINDS[box.dataset.explore];
  if (!source || !begin || box.classList.contains("live")) return;
  const show = begin(box, JSON.parse(source.textContent), [...box.querySelectorAll("svg.rnn-svg")]);
  box.classList.add("live");
  show();
}

for (const box of document.querySelectorAll(".explorable")) start(box);
})();
