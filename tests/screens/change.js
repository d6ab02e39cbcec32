// Change one element so that nothing else on the page moves; return where it was and where it is.
([at, kind, other]) => {
  const shown = [...document.querySelectorAll("[data-e]")].filter((node) => {
    const rect = node.getBoundingClientRect();
    return rect.width > 0 && rect.height > 0 && getComputedStyle(node).visibility === "visible";
  });
  const node = shown[at];
  const place = (of) => {
    const rect = of.getBoundingClientRect();
    return [
      Math.floor(rect.left + window.scrollX),
      Math.floor(rect.top + window.scrollY),
      Math.ceil(rect.right + window.scrollX),
      Math.ceil(rect.bottom + window.scrollY),
    ];
  };
  const was = place(node);
  const fixed = node.cloneNode(true);
  const style = getComputedStyle(node);
  // A stand-in that takes no room in the layout.
  const stand = (left, top) => {
    fixed.style.position = "absolute";
    fixed.style.left = `${left}px`;
    fixed.style.top = `${top}px`;
    fixed.style.margin = "0";
    fixed.style.zIndex = "5";
    for (const name of ["color", "font", "letterSpacing", "textAlign", "width", "height"])
      fixed.style[name] = style[name];
    document.body.append(fixed);
    return fixed;
  };
  if (kind === "removed") {
    node.style.visibility = "hidden";
    return [was];
  }
  if (kind === "recoloured") {
    const written = getComputedStyle(node).backgroundColor === "rgba(0, 0, 0, 0)";
    node.style[written ? "color" : "background"] = "#d6006c";
    if (!written) node.style.borderColor = "#d6006c";
    return [was];
  }
  if (kind === "moved") {
    node.style.transform = "translate(9px, 5px)";
    return [was, place(node)];
  }
  if (kind === "added") {
    const badge = document.createElement("div");
    badge.textContent = "7";
    badge.style.cssText =
      `position:absolute;left:${was[0] + 2}px;top:${was[1] + 1}px;width:22px;height:16px;z-index:9;` +
      "background:#d6006c;color:#ffffff;border-radius:4px;font:700 11px/16px Noto Sans;text-align:center";
    document.body.append(badge);
    return [place(badge)];
  }
  // reworded: the old words go, the new ones stand in their place at their own width
  const rect = node.getBoundingClientRect();
  stand(rect.left + window.scrollX, rect.top + window.scrollY);
  fixed.textContent = other;
  fixed.style.width = node.dataset.e === "button" ? style.width : "auto";
  fixed.style.whiteSpace = "nowrap";
  fixed.style.overflow = node.dataset.e === "button" ? "hidden" : "visible";
  fixed.style.background = style.backgroundColor;
  node.style.visibility = "hidden";
  return [was, place(fixed)];
}
