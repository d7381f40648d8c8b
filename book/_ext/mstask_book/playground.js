(root, data) => {
  "use strict";
  const STEPS = data.steps, LEFT = 54, RIGHT = 10, SVG = "http://www.w3.org/2000/svg";
  const own = {neuron: 0, knobs: [], threshold: 20, input: "step", strength: 20, tone: 15, delay: 0, drawn: null};
  let count = 0, speaking = 0;

  const make = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const round = value => String(Number(value.toPrecision(3))).replace("-", "−");
  const times = n => n === 1 ? "once" : n === 2 ? "twice" : `${n} times`;

  const thresholds = neuron => i => neuron.threshold * i / 20;
  const strengths = i => i / 20;
  const tones = i => Math.PI * i / data.positions;
  const plain = () => {
    if (own.input === "drawn") return own.drawn;
    if (own.input !== "tone") return data.inputs[own.input].x;
    return Array.from({length: STEPS}, (_, t) => data.amplitude * Math.cos(tones(own.tone) * t));
  };
  const given = () => plain().map(value => strengths(own.strength) * value);

  const heard = (x, neuron) => {
    const all = new Float64Array(STEPS * neuron.width);
    for (let t = 0; t < STEPS; t++) {
      for (let n = 0; n < neuron.width; n++) all[t * neuron.width + n] = t >= n * own.delay ? x[t - n * own.delay] : 0;
    }
    return all;
  };
  const played = () => {
    const neuron = data.neurons[own.neuron], width = neuron.width, middle = width >> 1;
    const p = Object.fromEntries(Object.entries(neuron.fixed).map(([name, value]) => [name, Float64Array.from(value)]));
    neuron.knobs.forEach((knob, k) => {
      for (const [name, list] of Object.entries(knob.values)) p[name] = new Float64Array(width).fill(data.lists[list][own.knobs[k]]);
    });
    const threshold = thresholds(neuron)(own.threshold), x = heard(given(), neuron), found = neuron.run(x, p, threshold);
    const of = (values, n) => Array.from({length: STEPS}, (_, t) => values[t * width + n]);
    const spikes = Array.from({length: width}, (_, n) => of(found.s, n));
    return {neuron, middle, threshold, x: of(x, middle), u: of(found.u, middle), spikes};
  };

  const said = ({neuron, middle, spikes}) => {
    const n = spikes[middle].filter(Boolean).length, one = neuron.width > 1 ? `The middle one of ${neuron.width} ${neuron.name} neurons` : neuron.name;
    if (n === 0) return `${one} stays silent for all ${STEPS} steps.`;
    const first = spikes[middle].findIndex(Boolean);
    if (n === 1) return `${one} fires once in ${STEPS} steps, at step ${first}.`;
    const rate = n === STEPS ? ", in every one" : `, on average every ${round(STEPS / n)} steps`;
    return `${one} fires ${times(n)} in ${STEPS} steps${rate}, and first at step ${first}.`;
  };

  const draw = () => {
    const shown = played(), width = Math.max(260, Math.floor(figure.clientWidth)), rows = shown.spikes.length;
    const inner = width - LEFT - RIGHT, across = t => LEFT + inner * t / (STEPS - 1);
    const parts = [];
    const put = (tag, attributes, text) => {
      const element = document.createElementNS(SVG, tag);
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      if (text !== undefined) element.textContent = text;
      parts.push(element);
    };
    const panel = (top, height, low, high) => value => top + height - height * (value - low) / ((high - low) || 1);
    const line = (values, y, kind) => put("polyline", {class: kind, points: values.map((v, t) => Number.isFinite(v) ? `${across(t).toFixed(1)},${y(v).toFixed(1)}` : "").join(" ")});
    const rule = (y, kind) => put("line", {class: kind, x1: LEFT, x2: width - RIGHT, y1: y.toFixed(1), y2: y.toFixed(1)});
    const tick = (y, text, kind = "tick") => put("text", {class: kind, x: LEFT - 6, y: (y + 4).toFixed(1), "text-anchor": "end"}, text);
    const title = (y, text) => put("text", {class: "title", x: LEFT, y}, text);

    const drawing = own.input === "drawn", top = drawing ? Math.max(1, strengths(own.strength)) : Math.max(...shown.x.map(Math.abs), 1e-9);
    const input = panel(24, 76, -top, top);
    title(16, drawing ? "input: draw here" : "input");
    put("rect", {class: "paper", x: LEFT, y: 24, width: inner, height: 76});
    pad.setAttribute("width", drawing ? inner : 0);
    rule(input(0), "zero");
    tick(input(0), "0");
    tick(input(top) + 4, round(top));
    line(shown.x, input, "input");

    const whole = shown.u.filter(Number.isFinite), low = Math.min(0, shown.threshold, ...whole), high = Math.max(0, shown.threshold, ...whole), space = 0.06 * (high - low || 1);
    const membrane = panel(130, 150, low - space, high + space);
    title(122, shown.spikes.length > 1 ? "membrane of the middle neuron" : "membrane");
    put("rect", {class: "paper", x: LEFT, y: 130, width: inner, height: 150});
    rule(membrane(0), "zero");
    if (Math.abs(membrane(0) - membrane(shown.threshold)) > 14) tick(membrane(0), "0");
    line(shown.u, membrane, "membrane");
    rule(membrane(shown.threshold), "threshold");
    tick(membrane(shown.threshold), `θ ${round(shown.threshold)}`, "tick of-threshold");

    title(302, rows > 1 ? "spikes of all neurons" : "spikes");
    shown.spikes.forEach((spikes, n) => {
      const y = 310 + 18 * n;
      put("rect", {class: rows > 1 && n === shown.middle ? "paper of-middle" : "paper", x: LEFT, y, width: inner, height: 16});
      spikes.forEach((s, t) => s && put("line", {class: "spike", x1: across(t).toFixed(1), x2: across(t).toFixed(1), y1: y + 2, y2: y + 14}));
      if (rows > 1) tick(y + 8, String(n + 1));
    });
    const end = 310 + 18 * rows;
    for (let t = 0; t <= STEPS; t += 40) put("text", {class: "tick", x: across(Math.min(t, STEPS - 1)).toFixed(1), y: end + 14, "text-anchor": t < STEPS ? "middle" : "end"}, t < STEPS ? t : "steps");
    picture.setAttribute("viewBox", `0 0 ${width} ${end + 20}`);
    picture.setAttribute("width", width);
    picture.setAttribute("height", end + 20);
    layer.replaceChildren(...parts);

    const text = said(shown);
    picture.setAttribute("aria-label", `Input, membrane and spikes over ${STEPS} steps. ${text}`);
    clearTimeout(speaking);
    speaking = setTimeout(() => { status.textContent = text; }, status.textContent ? 250 : 0);
  };

  const slider = (label, position, last, value, moved) => {
    const id = `playground-${count++}`, output = make("output", {for: id});
    const range = make("input", {id, type: "range", min: 0, max: last, step: 1});
    const tell = () => { output.textContent = round(value(Number(range.value))); range.setAttribute("aria-valuetext", output.textContent); };
    range.value = position;
    range.addEventListener("input", () => { moved(Number(range.value)); tell(); draw(); });
    tell();
    return make("div", {class: "knob"}, make("label", {for: id}, label), output, range);
  };
  const choice = (label, options, chosen, moved) => {
    const id = `playground-${count++}`, select = make("select", {id}, ...options.map(([value, text]) => make("option", {value}, text)));
    select.value = chosen;
    select.addEventListener("change", () => { moved(select.value); });
    return make("div", {class: "choice"}, make("label", {for: id}, label), select);
  };

  const listed = [["tone", "a tone"], ...Object.entries(data.inputs).map(([key, input]) => [key, input.label]), ["drawn", "your own drawing"]];
  const ofNeuron = make("div", {class: "knobs"}), ofInput = make("div", {class: "knobs"});
  const setNeuron = () => {
    const neuron = data.neurons[own.neuron];
    own.knobs = neuron.knobs.map(knob => knob.start);
    own.threshold = 20;
    own.delay = 0;
    ofNeuron.replaceChildren(
      slider("threshold θ", own.threshold, 60, thresholds(neuron), i => { own.threshold = i; }),
      ...neuron.knobs.map((knob, k) => slider(knob.label, knob.start, data.positions, i => data.lists[knob.shown][i], i => { own.knobs[k] = i; })));
    equations.forEach((equation, k) => { equation.hidden = k !== own.neuron; });
    setInput();
  };
  const setInput = () => {
    const knobs = [slider("strength", own.strength, 60, strengths, i => { own.strength = i; })];
    if (own.input === "tone") knobs.push(slider("frequency (rad per step)", own.tone, data.positions, tones, i => { own.tone = i; }));
    if (data.neurons[own.neuron].width > 1) knobs.push(slider("delay to the next (steps)", own.delay, 8, i => i, i => { own.delay = i; }));
    ofInput.replaceChildren(...knobs);
    draw();
  };

  const picture = document.createElementNS(SVG, "svg");
  const layer = document.createElementNS(SVG, "g"), pad = document.createElementNS(SVG, "rect");
  for (const [name, value] of Object.entries({class: "pad", x: LEFT, y: 24, height: 76})) pad.setAttribute(name, value);
  picture.setAttribute("role", "img");
  picture.append(layer, pad);
  const figure = make("div", {class: "playground-figure"}, picture), status = make("p", {role: "status", class: "playground-said"});
  let last = null;
  const trace = event => {
    const box = picture.getBoundingClientRect(), scale = Number(picture.getAttribute("width")) / box.width;
    const x = (event.clientX - box.left) * scale, y = (event.clientY - box.top) * scale, strength = strengths(own.strength);
    const step = Math.round((x - LEFT) / (Number(picture.getAttribute("width")) - LEFT - RIGHT) * (STEPS - 1));
    const t = Math.min(STEPS - 1, Math.max(0, step)), value = Math.min(1, Math.max(-1, (62 - y) / 38)) * Math.max(1, 1 / (strength || 1));
    const from = last || {t, value};
    for (let k = Math.min(from.t, t); k <= Math.max(from.t, t); k++) own.drawn[k] = t === from.t ? value : from.value + (value - from.value) * (k - from.t) / (t - from.t);
    last = {t, value};
    draw();
  };
  pad.addEventListener("pointerdown", event => {
    pad.setPointerCapture(event.pointerId);
    event.preventDefault();
    last = null;
    trace(event);
  });
  pad.addEventListener("touchstart", event => event.preventDefault(), {passive: false}); // touch-action on part of an SVG isn't enough
  pad.addEventListener("pointermove", event => { if (pad.hasPointerCapture(event.pointerId)) trace(event); });

  const equations = [...root.querySelectorAll(".playground-equation")];
  const again = make("button", {type: "button", class: "playground-again"}, "Start again");
  const start = () => {
    Object.assign(own, {strength: 20, tone: 15});
    if (own.input === "drawn") own.drawn.fill(0);
    setNeuron();
  };
  again.addEventListener("click", start);
  const chosen = make("div", {class: "playground-choices"},
    choice("neuron", data.neurons.map((neuron, k) => [k, neuron.name]), 0, k => { own.neuron = Number(k); setNeuron(); }),
    choice("input", listed, own.input, key => {
      if (key === "drawn") own.drawn = plain().map(value => Math.max(-1, Math.min(1, value)));
      own.input = key;
      setInput();
    }));
  root.prepend(chosen);
  root.append(figure, status,
    make("fieldset", {}, make("legend", {}, "Neuron"), ofNeuron),
    make("fieldset", {}, make("legend", {}, "Input"), ofInput), again);
  root.classList.add("ready");
  setNeuron();
  new ResizeObserver(draw).observe(figure);
}
