// Torch and focus, where the camera says that it has them; a camera that refuses a wish is left as it is.

/** @param {MediaStreamTrack} track @param {object} wish */
async function wish(track, wish) {
  try {
    await track.applyConstraints({ advanced: [wish] });
    return true;
  } catch {
    return false;
  }
}

/**
 * Show the torch's button where there is a torch.
 * @param {MediaStreamTrack} track
 * @param {HTMLButtonElement} button
 */
export function offerTorch(track, button) {
  button.hidden = !track.getCapabilities?.().torch;
  button.setAttribute("aria-pressed", "false");
  button.onclick = async () => {
    const torch = button.getAttribute("aria-pressed") !== "true";
    if (await wish(track, { torch })) button.setAttribute("aria-pressed", String(torch));
  };
}

/**
 * Let the camera focus by itself; show the slider where the distance can be set by hand.
 * @param {MediaStreamTrack} track
 * @param {HTMLElement} line
 * @param {HTMLInputElement} slider
 */
export async function offerFocus(track, line, slider) {
  const { focusMode = [], focusDistance } = track.getCapabilities?.() ?? {};
  const canSet = focusMode.includes("manual") && focusDistance?.max > focusDistance?.min;
  line.hidden = !canSet;
  if (focusMode.includes("continuous")) await wish(track, { focusMode: "continuous" });
  if (!canSet) return;
  Object.assign(slider, { min: focusDistance.min, max: focusDistance.max, step: focusDistance.step || "any" });
  slider.value = String(track.getSettings().focusDistance ?? focusDistance.min);
  slider.oninput = () => wish(track, { focusMode: "manual", focusDistance: Number(slider.value) });
}
