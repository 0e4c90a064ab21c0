"use strict";
// Tables sort by a click on a heading; without this script they stay as they came.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if (!head.textContent) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      const numeric = head.classList.contains("n") || table.querySelector(`tbody tr > :nth-child(${column + 1})[data-sort]`) !== null;
      const first = numeric ? down : !down;
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => {
        const cell = row.cells[column];
        const text = cell.dataset.sort ?? cell.textContent.trim();
        return numeric ? Number(text.replace(/,/g, "")) || 0 : text.toLowerCase();
      };
      const sign = first ? -1 : 1;
      const rows = [...table.tBodies[0].rows].map((row, i) => [value(row), i, row]);
      rows.sort((a, b) => (a[0] < b[0] ? -sign : a[0] > b[0] ? sign : a[1] - b[1]));
      table.tBodies[0].append(...rows.map((r) => r[2]));
    });
  });
}
// The section being read is marked in the bar; j and k move to the next and the one before.
const sections = [...document.querySelectorAll("main > section")];
const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
let current = 0;
const mark = () => {
  const line = window.innerHeight * 0.3;
  current = Math.max(0, sections.findLastIndex((s) => s.getBoundingClientRect().top < line));
  for (const link of links.values()) link.removeAttribute("aria-current");
  const link = links.get(sections[current]?.id);
  link?.setAttribute("aria-current", "true");
  if (link && link.parentElement.parentElement.scrollWidth > window.innerWidth)
    link.parentElement.parentElement.scrollLeft = link.offsetLeft - 40;
};
addEventListener("scroll", mark, { passive: true });
mark();
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=radio]), textarea")) return;
  const step = { j: 1, k: -1 }[event.key];
  if (!step) return;
  const next = sections[Math.min(sections.length - 1, Math.max(0, current + step))];
  next.scrollIntoView();
  next.focus({ preventScroll: true });
});
