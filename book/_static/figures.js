/* Figures that answer the pointer, the keyboard and a finger; written for this book, without a library. The marks, what each says,
   and every verdict are in the page; without this script the pictures stand as they are. */
addEventListener("DOMContentLoaded", () => {
  "use strict";
  const REACH = 28; // pixels from which the nearest mark answers
  const SVG = "http://www.w3.org/2000/svg";
  const every = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (tag, attributes = {}, ...children) => {
    const element = attributes.xmlns ? document.createElementNS(SVG, tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (name !== "xmlns") element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  /* What a mark says, and what belongs to the same method */
  let pinned = null;
  const tip = make("div", {class: "mstask-tip", "aria-hidden": "true", hidden: ""});
  const light = method => { for (const one of every("[data-method]")) one.classList.toggle("lit", one.dataset.method === method); };
  const untold = () => { for (const one of every(".mstask-marks .told")) one.classList.remove("told"); };
  const say = mark => {
    const picture = mark.closest(".mstask-picture"), at = mark.getBoundingClientRect(), box = picture.getBoundingClientRect();
    const lines = mark.getAttribute("aria-label").split("\n");
    tip.replaceChildren(...["strong", "span", "code"].map((tag, k) => make(tag, {}, lines[k])));
    picture.append(tip);
    tip.hidden = false;
    const left = at.left + at.width / 2 - box.left - tip.offsetWidth / 2, above = at.top - tip.offsetHeight - 8;
    tip.style.left = `${Math.max(0, Math.min(left, box.width - tip.offsetWidth))}px`;
    tip.style.top = `${(above > 0 ? above : at.bottom + 8) - box.top}px`;
    untold();
    mark.classList.add("told");
    light(mark.dataset.method);
  };
  const rest = () => { tip.hidden = true; untold(); light(pinned); };
  const pin = mark => {
    pinned = mark && pinned !== mark.dataset.method ? mark.dataset.method : null;
    if (mark) say(mark);
    else rest();
  };
  const marksOf = picture => every(".mstask-marks [data-method]", picture);
  const nearest = (picture, event) => {
    let found = null, least = REACH;
    for (const mark of marksOf(picture)) {
      const box = mark.getBoundingClientRect();
      const far = Math.hypot(box.left + box.width / 2 - event.clientX, box.top + box.height / 2 - event.clientY);
      if (far <= least) [found, least] = [mark, far];
    }
    return found;
  };
  const answer = picture => {
    picture.addEventListener("pointermove", event => {
      const mark = nearest(picture, event);
      if (mark) say(mark);
      else if (!picture.contains(document.activeElement)) rest();
    });
    picture.addEventListener("pointerleave", event => { if (event.pointerType === "mouse") rest(); });
    picture.addEventListener("click", event => pin(nearest(picture, event)));
    picture.addEventListener("focusin", event => { if (event.target.matches("[data-method]")) say(event.target); });
    picture.addEventListener("focusout", rest);
    picture.addEventListener("keydown", event => {
      const marks = marksOf(picture), k = marks.indexOf(event.target);
      const by = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
      if (k < 0) return;
      if (by) {
        const to = marks[(k + by + marks.length) % marks.length];
        for (const mark of marks) mark.setAttribute("tabindex", mark === to ? 0 : -1);
        to.focus({preventScroll: true});
      }
      else if (event.key === "Enter" || event.key === " ") pin(event.target);
      else if (event.key === "Escape") { pinned = null; rest(); }
      else return;
      event.preventDefault();
    });
  };
  every(".mstask-picture").filter(picture => marksOf(picture).length).forEach(answer);
  const known = new Set(every(".mstask-marks [data-method]").map(mark => mark.dataset.method));
  for (const row of every("tr[data-method]").filter(row => known.has(row.dataset.method))) {
    row.addEventListener("pointerenter", () => light(row.dataset.method));
    row.addEventListener("pointerleave", () => light(pinned));
  }

  /* Lines that move across a panel */
  const rulers = (name, root = document) => every(".ruler", root).filter(line => line.dataset.ruler === name);
  const numbers = text => text.split(" ").map(Number);
  const stand = (line, x) => {
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    line.classList.add("on");
  };
  const across = (line, event) => { // the place of an event in the units of the layer
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(line.ownerSVGElement.getScreenCTM().inverse());
    const inside = at.y >= Number(line.getAttribute("y1")) && at.y <= Number(line.getAttribute("y2"));
    return {x: at.x, inside};
  };

  /* A picture of a sound: a line shows where the sound is, and a click plays from there */
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const named = new Set(); // of players of one sound, the first answers a click into its pictures
  for (const audio of every("audio[aria-label]")) {
    const label = audio.getAttribute("aria-label"), lines = rulers(label), clicked = named.has(label) ? [] : lines;
    named.add(label);
    const share = line => { const [from, to] = numbers(line.dataset.ends); return (audio.currentTime - from) / (to - from); };
    const show = () => {
      for (const line of lines) {
        const stops = numbers(line.dataset.stops);
        stand(line, stops[0] + Math.min(1, share(line)) * (stops.at(-1) - stops[0]));
      }
    };
    const glide = () => {
      if (audio.paused || still.matches) return;
      show();
      requestAnimationFrame(glide);
    };
    if (lines.length) audio.addEventListener("play", glide);
    for (const event of lines.length ? ["pause", "seeked"] : []) audio.addEventListener(event, show);
    for (const line of clicked) {
      line.closest(".mstask-picture").addEventListener("click", event => {
        const {x, inside} = across(line, event), stops = numbers(line.dataset.stops), [from, to] = numbers(line.dataset.ends);
        const part = (x - stops[0]) / (stops.at(-1) - stops[0]);
        if (!inside || part < 0 || part > 1) return;
        if (!audio.paused) audio.pause();
        else { audio.currentTime = from + part * (to - from); audio.play(); }
      });
    }
  }

  /* What a reader plays with; everything that it says was worked out when the book was built */
  let count = 0;
  const choice = (label, options, chosen, moved) => {
    const id = `mstask-choice-${count++}`, select = make("select", {id}, ...options.map((text, k) => make("option", {value: k}, text)));
    select.value = Math.max(0, chosen);
    select.addEventListener("change", () => moved(Number(select.value)));
    return make("div", {class: "choice"}, make("label", {for: id}, label), select);
  };
  const plays = {
    factor_curve(root, data) {
      const exhibit = root.closest(".mstask-exhibit"), [line] = rulers("factor_curve", exhibit), last = data.stops.length - 1;
      const said = make("div", {role: "status"}), range = make("input", {id: "factor-handle", type: "range", min: 0, max: last, step: 1});
      const go = k => {
        const stop = data.stops[k];
        range.value = k;
        range.setAttribute("aria-valuetext", stop.at);
        label.textContent = `${data.label} ${stop.at}`;
        said.replaceChildren(...stop.says.map(text => make("p", {}, text)));
        stand(line, numbers(line.dataset.stops)[k]);
      };
      const label = make("label", {for: "factor-handle"});
      const picture = line.closest(".mstask-picture");
      const drag = event => {
        const {x} = across(line, event), stops = numbers(line.dataset.stops);
        go(stops.reduce((best, stop, k) => Math.abs(stop - x) < Math.abs(stops[best] - x) ? k : best, 0));
      };
      picture.classList.add("handled");
      picture.addEventListener("pointerdown", event => { picture.setPointerCapture(event.pointerId); event.preventDefault(); drag(event); });
      picture.addEventListener("pointermove", event => { if (picture.hasPointerCapture(event.pointerId)) drag(event); });
      range.addEventListener("input", () => go(Number(range.value)));
      root.append(make("p", {class: "claimed"}, data.claim), label, range, said);
      go(0);
    },

    square_crossed(root, data) {
      const own = {voice: Math.max(0, data.voices.findIndex(voice => voice.label === "embedded"))};
      const WIDTH = 400, HEIGHT = 300, LEFT = 44, X = [110, 330], TOP = 14, BOTTOM = 240;
      const picture = make("div", {class: "mstask-picture mstask-square"}), choices = make("div", {class: "choices"});
      const said = make("div", {role: "status"});
      const y = value => BOTTOM - (BOTTOM - TOP) * Math.min(1, Math.max(0, value));
      const draw = () => {
        const voice = data.voices[own.voice], names = [own.a, own.b].map(k => voice.neurons[k]), sets = [own.x, own.y].map(k => voice.sets[k]);
        const layer = make("svg", {xmlns: SVG, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "mstask-marks", role: "group"});
        const put = (tag, attributes, ...text) => layer.append(make(tag, {xmlns: SVG, ...attributes}, ...text));
        for (const value of [0, 0.5, 1]) {
          put("line", {class: "grid", x1: LEFT, x2: WIDTH - 10, y1: y(value), y2: y(value)});
          put("text", {x: LEFT - 6, y: y(value) + 5, "text-anchor": "end"}, String(value));
        }
        sets.forEach((set, k) => {
          const words = set.title.split(", ");
          words.forEach((word, n) => put("text", {x: X[k], y: BOTTOM + 20 + 17 * n, "text-anchor": "middle"}, word));
        });
        names.forEach((name, n) => {
          const corners = sets.map(set => set.corners[name]), at = X.map(x => x + (n ? 4 : -4)), kind = "ab"[n];
          if (corners.every(Boolean)) put("line", {class: `side ${kind}`, x1: at[0], x2: at[1], y1: y(corners[0][0]), y2: y(corners[1][0])});
          corners.forEach((corner, k) => {
            if (!corner) return;
            const [mean, low, high] = corner, cx = at[k], cy = y(mean);
            if (low !== null) put("line", {class: `bar ${kind}`, x1: cx, x2: cx, y1: y(low), y2: y(high)});
            const told = {role: "img", tabindex: n || k ? -1 : 0, "aria-label": sets[k].says[name], "data-method": name, "data-mean": mean};
            put(n ? "rect" : "circle", {class: kind, ...(n ? {x: cx - 5, y: cy - 5, width: 10, height: 10} : {cx, cy, r: 5.5}), ...told});
          });
        });
        const same = own.a === own.b || own.x === own.y, [i, j, a, b] = own.x < own.y ? [own.x, own.y, own.a, own.b] : [own.y, own.x, own.b, own.a];
        const code = same ? null : voice.verdicts[`${i},${j}`][a * voice.neurons.length + b];
        const statement = `${names[0]} beats ${names[1]} on ${sets[0].title}, and ${names[1]} beats ${names[0]} on ${sets[1].title}: `;
        const leads = sets.map(set => set.leads[names.join("|")] || set.leads[[...names].reverse().join("|")]);
        const missing = sets.map(set => names.filter(name => !(name in set.corners)).join(" and "));
        const unknown = missing.map(which => which ? `no figure of ${which}` : "the two have no seed in common");
        const lines = leads.map((lead, k) => make("p", {}, `${sets[k].title}: ${lead || unknown[k]}`));
        const verdict = same ? "choose two different neurons and two different data sets." : data.verdicts[code];
        layer.setAttribute("aria-label", `Macro-F1 of ${names.join(" and ")} on ${sets.map(set => set.title).join(" and on ")}`);
        picture.replaceChildren(layer);
        said.replaceChildren(make("p", {}, same ? "" : statement, make("strong", {}, verdict)), ...(same ? [] : lines));
      };
      const offer = () => {
        const voice = data.voices[own.voice], titles = voice.sets.map(set => set.title), place = name => Math.max(0, voice.neurons.indexOf(name));
        Object.assign(own, {a: place(data.start.a), b: place(data.start.b), x: voice.start[0], y: voice.start[1]});
        const select = (label, options, key) => choice(label, options, own[key], k => { own[key] = k; draw(); });
        choices.replaceChildren(
          ...(data.voices.length > 1 ? [choice("voice", data.voices.map(one => one.label), own.voice, k => { own.voice = k; offer(); })] : []),
          select("neuron (round)", voice.neurons, "a"), select("neuron (square)", voice.neurons, "b"),
          select("data on the left", titles, "x"), select("data on the right", titles, "y"));
        draw();
      };
      answer(picture);
      const opens = make("summary", {class: "claimed"}, "Choose any two neurons and any two data sets");
      root.append(make("details", {}, opens, choices, picture, said, make("p", {class: "note"}, data.note)));
      offer();
    },
  };
  for (const root of every(".mstask-play")) {
    const data = JSON.parse(root.querySelector("script").textContent);
    root.hidden = false;
    plays[root.dataset.play](root, data);
  }
});
