"use strict";
// Tables as CSV, to the clipboard.
const csv = (table) => [...table.rows].map((row) => [...row.cells].map((cell) => {
  const text = cell.textContent.trim();
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}).join(",")).join("\n");
const copy = async (text) => {
  try { await navigator.clipboard.writeText(text); } catch {
    const area = document.body.appendChild(document.createElement("textarea"));
    area.value = text; area.select(); document.execCommand("copy"); area.remove();
  }
};
for (const button of document.querySelectorAll("button.csv")) {
  button.addEventListener("click", async () => {
    await copy(csv(button.closest(".wide").querySelector("table")));
    button.textContent = "copied";
    setTimeout(() => { button.textContent = "copy as CSV"; }, 1500);
  });
}
// A link into what is folded opens it.
const unfold = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  const next = target && target.nextElementSibling;
  if (next && next.matches("details")) next.open = true;
};
addEventListener("hashchange", unfold);
unfold();
// What is folded is printed, too.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => { each.open = true; }));
// The values at the pointer, of figures over time.
const valueAt = (line, minute) => {
  let at = -1;
  while (at + 1 < line.x.length && line.x[at + 1] <= minute) at += 1;
  if (at < 0 || line.y[at] === null) return null;
  if (line.step || at + 1 >= line.x.length) return line.y[at];
  const nearer = line.x[at + 1] - minute < minute - line.x[at] ? at + 1 : at;
  return line.y[nearer];
};
for (const data of document.querySelectorAll("script.values")) {
  const figure = data.closest("figure"), panels = JSON.parse(data.textContent);
  const cursor = document.createElement("div"), box = document.createElement("div");
  cursor.className = "cursor"; box.className = "readout"; cursor.hidden = box.hidden = true;
  figure.append(cursor, box);
  figure.addEventListener("pointermove", (event) => {
    const image = figure.querySelector("img"), frame = image.getBoundingClientRect();
    const [left, , width] = panels[0].at, [from, to] = panels[0].x;
    const share = ((event.clientX - frame.left) / frame.width - left) / width;
    cursor.hidden = box.hidden = share < 0 || share > 1;
    if (box.hidden) return;
    const minute = from + share * (to - from), rows = [`minute ${minute.toFixed(1)}`];
    for (const panel of panels) for (const line of panel.lines) {
      const value = valueAt(line, minute);
      if (value !== null) rows.push(`${line.name || panel.unit}: ${Number(value.toPrecision(4))}`);
    }
    box.textContent = rows.join("\n");
    const x = (left + share * width) * image.clientWidth;
    cursor.style.left = `${x}px`; cursor.style.height = `${image.clientHeight}px`;
    box.style.left = share < 0.5 ? `${x + 10}px` : "auto";
    box.style.right = share < 0.5 ? "auto" : `${figure.clientWidth - x + 10}px`;
  });
  figure.addEventListener("pointerleave", () => { cursor.hidden = box.hidden = true; });
}
