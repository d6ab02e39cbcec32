// Four charts over one stretch of time, with uPlot. Numbers come from the server as they are drawn.
"use strict";

(() => {
  const panel = document.querySelector("#charts");
  if (!panel || typeof uPlot === "undefined") return;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const short = (value) => value >= 1e6 ? `${(value / 1e6).toFixed(1)}M` : value >= 1e3 ? `${(value / 1e3).toFixed(1)}k` : String(+value.toFixed(6));
  const units = { requests: (v) => short(v), waits: (v) => `${short(v)} s`, tokens: (v) => short(v), cost: (v) => `$${short(v)}` };
  const when = (tick, step) => {
    const at = new Date(tick * 1000);
    if (step >= 86400 || (at.getHours() === 0 && at.getMinutes() === 0)) return at.toLocaleDateString(undefined, { month: "short", day: "numeric" });
    return at.toTimeString().slice(0, step < 60 ? 8 : 5);
  };
  let plots = [], told = null, span = panel.dataset.span;

  function stacked(lines) {
    const sums = [];
    return lines.map((line) => line.map((value, at) => (sums[at] = (sums[at] ?? 0) + (value ?? 0))));
  }

  function draw(name, at, chart) {
    const figure = document.querySelector(`#chart-${name}`), place = figure.querySelector(".plot");
    const stack = name === "requests";
    const lines = stack ? stacked(chart.lines).reverse() : chart.lines;
    const names = stack ? [...chart.names].reverse() : chart.names;
    const tone = (index) => colour(`--c${(stack ? chart.lines.length - 1 - index : index) % 6 + 1}`);
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    const options = {
      width: Math.max(place.clientWidth, 200), height: 150, legend: { show: false },
      cursor: { y: false, points: { size: 5 }, drag: { x: false, y: false } },
      scales: { y: { range: (_, low, high) => [0, high > 0 ? high * 1.08 : 1] } },
      series: [{}, ...lines.map((_, index) => ({
        label: names[index], stroke: tone(index), width: 1.5, points: { show: false },
        fill: stack || name === "cost" ? `${tone(index)}${stack ? "cc" : "33"}` : undefined,
      }))],
      axes: [{ ...axis, size: 28, space: 64, values: (_, ticks, __, ___, step) => ticks.map((tick) => when(tick, step)) }, { ...axis, size: 48, values: (_, ticks) => ticks.map(units[name]) }],
      hooks: { setCursor: [(plot) => legend(figure, chart, plot.cursor.idx, name)] },
    };
    const empty = name === "waits" ? !chart.total : !Number(chart.total);
    figure.querySelector(".hint").hidden = !empty;
    place.replaceChildren();
    plots.push([new uPlot(options, [at, ...lines], place), place]);
    legend(figure, chart, null, name);
    figure.querySelector("[data-total]").textContent = name === "cost" ? `$${+Number(chart.total).toFixed(6)}` : name === "waits" ? chart.total || "–" : short(Number(chart.total));
  }

  function legend(figure, chart, index, name) {
    const list = figure.querySelector(".legend");
    list.replaceChildren(...chart.names.slice(0, 12).map((label, number) => {
      const item = document.createElement("li"), key = document.createElement("span");
      key.className = `key k${number % 6 + 1}`;
      const value = index === null || index === undefined ? null : chart.lines[number][index];
      item.append(key, value === null || value === undefined ? label : `${label} ${units[name](value)}`);
      return item;
    }));
  }

  function redraw() {
    for (const [plot] of plots) plot.destroy();
    plots = [];
    if (!told) return;
    for (const name of ["requests", "waits", "tokens", "cost"]) draw(name, told.at, told[name]);
    const note = document.querySelector("#charts-simulated");
    note.hidden = !told.simulated;
    note.querySelector("[data-count]").textContent = told.simulated;
  }

  let next = 0;

  async function load() {
    next = Date.now() + 15000;
    const answer = await fetch(`/console/charts?span=${encodeURIComponent(span)}`).catch(() => null);
    if (!answer?.ok) return;
    told = await answer.json();
    // A quarter of one step, or what is drawn has hardly changed; five minutes at most.
    next = Date.now() + Math.min(Math.max((told.at[1] - told.at[0]) * 250, 15000), 300000);
    redraw();
  }

  for (const button of panel.querySelectorAll("[data-set-span]")) {
    button.addEventListener("click", () => {
      span = button.dataset.setSpan;
      for (const other of panel.querySelectorAll("[data-set-span]")) other.setAttribute("aria-pressed", other === button);
      load();
    });
  }
  new ResizeObserver(() => { for (const [plot, place] of plots) plot.setSize({ width: Math.max(place.clientWidth, 200), height: 150 }); }).observe(panel);
  document.addEventListener("theme", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  load();
  setInterval(() => { if (!document.hidden && Date.now() >= next) load(); }, 5000);
})();
