/**
 * Names each cell of a table after its column: on a phone the lines of `table.cards` are cards.
 * To attach to a table: `<table class="cards" {@attach labelled}>`.
 */
export function labelled(table: Element): () => void {
  const name = (): void => {
    const words = [...table.querySelectorAll("thead th")].map((each) => each.textContent.trim());
    for (const row of table.querySelectorAll("tbody tr")) {
      [...row.children].forEach((cell, place) => {
        if (cell instanceof HTMLTableCellElement && cell.tagName === "TD" && words[place]) cell.dataset.label = words[place];
      });
    }
  };
  const watcher = new MutationObserver(name);
  watcher.observe(table, { childList: true, subtree: true, characterData: true });
  name();
  return () => watcher.disconnect();
}
