// Has the browser keep the last worklist (see worker.js), where somebody works with it.
export function keepWorklist() {
  if (!document.querySelector("[data-worklist]") || !("serviceWorker" in navigator)) return;
  navigator.serviceWorker.register("/static/dist/worker.js", { scope: "/" }).catch(() => {
    // Without it the list is not there offline, and all else is as before.
  });
}
