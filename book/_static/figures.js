/* Figures that answer the pointer, the keyboard and a finger; written for this book, without a library. The marks, what each says
   and where it stands are in the page; without this script the pictures stand as they are. */
addEventListener("DOMContentLoaded", () => {
  "use strict";
  const REACH = 28; // pixels from which the nearest mark answers
  const pictures = [...document.querySelectorAll(".mstask-picture")].filter(picture => picture.querySelector(".mstask-marks"));
  let pinned = null;

  const light = method => {
    for (const one of document.querySelectorAll("[data-method]")) one.classList.toggle("lit", one.dataset.method === method);
  };

  const tip = document.createElement("div");
  tip.className = "mstask-tip";
  tip.setAttribute("aria-hidden", "true");
  tip.hidden = true;

  const say = mark => {
    const picture = mark.closest(".mstask-picture"), at = mark.getBoundingClientRect(), box = picture.getBoundingClientRect();
    const [whose, score, origin] = mark.getAttribute("aria-label").split("\n");
    tip.replaceChildren(...[["strong", whose], ["span", score], ["code", origin]].map(([tag, text]) => {
      const line = document.createElement(tag);
      line.textContent = text;
      return line;
    }));
    picture.append(tip);
    tip.hidden = false;
    const left = at.left + at.width / 2 - box.left - tip.offsetWidth / 2;
    tip.style.left = `${Math.max(0, Math.min(left, box.width - tip.offsetWidth))}px`;
    const above = at.top - box.top - tip.offsetHeight - 8;
    tip.style.top = `${at.top - tip.offsetHeight - 8 > 0 ? above : at.bottom - box.top + 8}px`;
    for (const one of document.querySelectorAll(".mstask-marks .told")) one.classList.remove("told");
    mark.classList.add("told");
    light(mark.dataset.method);
  };
  const rest = () => {
    tip.hidden = true;
    for (const one of document.querySelectorAll(".mstask-marks .told")) one.classList.remove("told");
    light(pinned);
  };

  for (const picture of pictures) {
    const marks = [...picture.querySelectorAll(".mstask-marks [data-method]")];
    const nearest = event => {
      const far = mark => {
        const box = mark.getBoundingClientRect();
        return Math.hypot(box.left + box.width / 2 - event.clientX, box.top + box.height / 2 - event.clientY);
      };
      const found = marks.reduce((best, mark) => far(mark) < far(best) ? mark : best);
      return far(found) <= REACH ? found : null;
    };
    const go = (from, by) => {
      const to = marks[(marks.indexOf(from) + by + marks.length) % marks.length];
      for (const mark of marks) mark.tabIndex = mark === to ? 0 : -1;
      to.focus({preventScroll: true});
    };
    picture.addEventListener("pointermove", event => {
      const mark = nearest(event);
      if (mark) say(mark);
      else if (!picture.contains(document.activeElement)) rest();
    });
    picture.addEventListener("pointerleave", event => { if (event.pointerType === "mouse") rest(); });
    picture.addEventListener("click", event => {
      const mark = nearest(event);
      pinned = mark && pinned !== mark.dataset.method ? mark.dataset.method : null;
      if (mark) say(mark);
      light(pinned);
    });
    for (const mark of marks) {
      mark.addEventListener("focus", () => say(mark));
      mark.addEventListener("blur", rest);
      mark.addEventListener("keydown", event => {
        const by = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
        if (by) go(mark, by);
        else if (event.key === "Enter" || event.key === " ") { pinned = pinned === mark.dataset.method ? null : mark.dataset.method; say(mark); }
        else if (event.key === "Escape") { pinned = null; rest(); }
        else return;
        event.preventDefault();
      });
    }
  }
  const known = new Set([...document.querySelectorAll(".mstask-marks [data-method]")].map(mark => mark.dataset.method));
  for (const row of document.querySelectorAll("tr[data-method]")) {
    if (!known.has(row.dataset.method)) continue;
    row.addEventListener("pointerenter", () => light(row.dataset.method));
    row.addEventListener("pointerleave", () => light(pinned));
  }
});
