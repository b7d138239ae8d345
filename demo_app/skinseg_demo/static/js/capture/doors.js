// The two doors: pictures of the phone's own camera or gallery go to the box; the guided camera opens where it can.
import { aboutPicture } from "./picture_size.js";
import { Sending } from "./sending.js";

const doors = document.getElementById("doors");
const card = document.getElementById("card");
const CARD = "skinseg.card"; // whether the card lies in the pictures, for as long as the tab lives

const sending = new Sending({
  hasCard: () => card.checked,
  onDropped: () => {
    doors.hidden = false;
    doors.querySelector("input[type=file]").focus();
  },
});

/** @param {Event} event */
async function chosen(event) {
  const input = event.target;
  const [picture] = input.files;
  if (!picture) return;
  doors.hidden = true;
  sending.start(picture, await aboutPicture(picture));
  input.value = ""; // the same file may be chosen again
}

/** Without https a browser has no camera to give, and the page says why. */
function closeGuidedDoor() {
  const guided = document.getElementById("guided");
  guided.removeAttribute("href");
  guided.setAttribute("role", "link");
  guided.setAttribute("aria-disabled", "true");
  guided.setAttribute("aria-describedby", "no-camera");
  document.getElementById("no-camera").hidden = false;
}

card.checked = sessionStorage.getItem(CARD) === "yes";
card.addEventListener("change", () => sessionStorage.setItem(CARD, card.checked ? "yes" : "no"));
for (const input of doors.querySelectorAll("input[type=file]")) input.addEventListener("change", chosen);
if (!navigator.mediaDevices?.getUserMedia) closeGuidedDoor();
