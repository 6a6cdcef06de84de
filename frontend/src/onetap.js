// Fills a field by one tap: the buttons are there only where they can work.
//
//   <p data-sets="review" hidden><button type="button" data-value="2026-11-24">tomorrow</button></p>

export function watchOneTap() {
  for (const choices of document.querySelectorAll("[data-sets]")) {
    const field = document.getElementById(choices.dataset.sets);
    choices.hidden = false;
    choices.addEventListener("click", (event) => {
      const value = event.target.closest("[data-value]")?.dataset.value;
      if (value === undefined) return;
      field.value = value;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }
}
