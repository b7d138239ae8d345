// The earlier close-up of the same lesion, pale above the picture, so that the next one is taken from the same place.

/**
 * @param {HTMLImageElement | null} ghost absent where the picture belongs to no case
 * @param {HTMLElement | null} line
 * @param {HTMLInputElement | null} choice
 */
export function offerGhost(ghost, line, choice) {
  if (!ghost) return;
  const show = () => (ghost.hidden = !choice.checked);
  const arrived = () => {
    line.hidden = false;
    show();
  };
  choice.addEventListener("change", show);
  if (ghost.complete && ghost.naturalWidth) arrived();
  else ghost.addEventListener("load", arrived); // a case without a close-up has none to load
}
