// What the page knows about its elements; the order is the document's.
() => {
  const INTERACTIVE = new Set("button link input checkbox radio switch slider select tab menu".split(" "));
  const page = document.documentElement;
  const hex = (colour) => {
    const [red, green, blue, alpha] = colour.match(/[\d.]+/g).map(Number);
    return alpha === undefined || alpha === 1
      ? "#" + [red, green, blue].map((n) => n.toString(16).padStart(2, "0")).join("")
      : null;
  };
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== "none") return null;
      if (style.backgroundColor !== "rgba(0, 0, 0, 0)") return hex(style.backgroundColor);
    }
    return "#ffffff";
  };
  return [...document.querySelectorAll("[data-e]")]
    .map((node) => {
      const rect = node.getBoundingClientRect();
      const x = window.scrollX, y = window.scrollY;
      const own = [...node.childNodes].filter((child) => child.nodeType === Node.TEXT_NODE);
      const text = own.map((child) => child.textContent).join("").trim();
      const style = getComputedStyle(node);
      return {
        type: node.dataset.e,
        label: node.dataset.label || text,
        text,
        box: [
          Math.max(Math.floor(rect.left + x + 1e-3), 0),
          Math.max(Math.floor(rect.top + y + 1e-3), 0),
          Math.min(Math.ceil(rect.right + x - 1e-3), page.scrollWidth),
          Math.min(Math.ceil(rect.bottom + y - 1e-3), page.scrollHeight),
        ],
        interactive: INTERACTIVE.has(node.dataset.e),
        size: text ? parseFloat(style.fontSize) : null,
        ink: text ? hex(style.color) : null,
        ground: text ? ground(node) : null,
        shown: rect.width > 0 && rect.height > 0 && style.visibility === "visible",
      };
    })
    .filter((told) => told.shown)
    .map(({ shown, ...told }) => told);
}
