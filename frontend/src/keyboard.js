// j and k move from alert to alert of the worklist; Enter then follows the link, as everywhere.
export function watchKeys() {
  document.addEventListener("keydown", (event) => {
    const step = { j: 1, k: -1 }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
    const links = [...document.querySelectorAll("[data-worklist] [data-open]")];
    if (links.length === 0) return;
    const row = document.activeElement?.closest("[data-alert]");
    const now = links.findIndex((link) => row?.contains(link));
    const next = now < 0 ? 0 : Math.min(links.length - 1, Math.max(0, now + step));
    event.preventDefault();
    links[next].focus();
  });
}

function isWriting(element) {
  return element.closest("input, select, textarea, [contenteditable]") !== null;
}
