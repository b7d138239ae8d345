// The guided camera: asks, opens, aims, takes the picture and hands it to the sending panel.
import { Sending } from "../capture/sending.js";
import { t } from "../common.js";
import { GoodMoment, hintFor, unlessStale } from "./aim.js";
import { offerFocus, offerTorch } from "./controls.js";
import { offerGhost } from "./ghost.js";
import { backLenses, nearestLens, rememberLens, rememberedLens } from "./lenses.js";
import { LiveOutline } from "./live.js";
import { takeShot } from "./shot.js";
import { SteadinessWatch } from "./steadiness.js";
import { CameraFailed, closeCamera, openCamera } from "./stream.js";
import { maySleep, stayAwake } from "./wake_lock.js";

const by = (id) => document.getElementById(id);
const [camera, asking, video, stage] = ["camera", "asking", "video", "stage"].map(by);
const [hint, failed, facts, outline] = ["hint", "camera-failed", "camera-facts", "live-outline"].map(by);
const [shutter, torch, lens, auto, start] = ["shutter", "torch", "lens", "auto", "start"].map(by);

const GOOD_FOR_MS = 1000;
const AUTO = "skinseg.auto";

let stream = /** @type {MediaStream | null} */ (null);
let told = /** @type {import("./live.js").Told | null} */ (null);
let trouble = ""; // why the box tells nothing, in a sentence
let isWanted = false; // whether the camera should run while the page is seen
let isOpening = false;
let isTaking = false;

const steadiness = new SteadinessWatch(Number(camera.dataset.sharpness));
const moment = new GoodMoment(GOOD_FOR_MS);
const sending = new Sending({
  hasCard: () => sessionStorage.getItem("skinseg.card") === "yes",
  onDropped: () => run(),
});
const live = new LiveOutline(video, camera.dataset.frames, { onTold: showOutline, onSilent: sayWhy, onTick: judge });

/** Open the camera and aim; on failure say what to do. */
async function run() {
  if (isOpening || stream) return;
  [isWanted, isOpening] = [true, true];
  failed.hidden = true;
  start.disabled = true;
  try {
    stream = await chosenLens();
    if (document.hidden || !isWanted) return stop();
    await aim();
  } catch (error) {
    stop();
    isWanted = false;
    fail(error instanceof CameraFailed ? error : new CameraFailed(error.name));
  } finally {
    isOpening = false;
    start.disabled = false;
  }
}

/** The first time, the lens that focuses nearest is looked for; then it is remembered. */
async function chosenLens() {
  const patienceS = Number(camera.dataset.patienceS);
  const remembered = rememberedLens();
  const opened = await openCamera({ deviceId: remembered, patienceS });
  if (remembered) return opened;
  const nearest = await nearestLens(opened, patienceS);
  if (!nearest) return opened;
  rememberLens(nearest);
  return openCamera({ deviceId: nearest, patienceS });
}

async function aim() {
  const [track] = stream.getVideoTracks();
  track.addEventListener("ended", lost);
  video.srcObject = stream;
  await video.play();
  [asking.hidden, camera.hidden] = [true, false];
  stage.style.setProperty("--ratio", String(video.videoWidth / video.videoHeight));
  facts.textContent = t("js.camera.facts", { columns: video.videoWidth, rows: video.videoHeight });
  offerTorch(track, torch);
  await offerFocus(track, by("focus-line"), by("focus"));
  lens.hidden = (await backLenses()).length < 2;
  [told, trouble] = [null, ""];
  moment.reset();
  live.start();
  stayAwake();
}

function stop() {
  live.stop();
  maySleep();
  closeCamera(stream);
  stream = null;
  video.srcObject = null;
  outline.setAttribute("d", "");
}

/** Another program took the camera, or it was unplugged. */
function lost() {
  stop();
  fail(new CameraFailed("Ended"));
}

/** @param {CameraFailed} error */
function fail(error) {
  [asking.hidden, camera.hidden] = [false, true];
  by("ask-how").hidden = true;
  by("ask-title").textContent = t("js.camera.not_open");
  failed.textContent = error.message;
  failed.dataset.name = error.name;
  failed.hidden = false;
}

/** @param {import("./live.js").Told} what */
function showOutline(what) {
  told = what;
  trouble = "";
  const paths = what.outlines.map((points) => `M${points.map((xy) => xy.join(" ")).join("L")}Z`);
  outline.setAttribute("d", paths.join(""));
}

/** @param {import("../common.js").Refused} error */
function sayWhy(error) {
  if (error.kind !== "FrameDropped") trouble = error.message;
}

/** @param {number} now */
function judge(now) {
  told = unlessStale(told, now);
  if (!told) outline.setAttribute("d", "");
  const size = { width: video.videoWidth, height: video.videoHeight };
  const steady = steadiness.look(video, now, told?.outlines[0]);
  const found = trouble ? { tone: "wait", words: trouble } : hintFor(told, steady, size, auto.checked);
  say(found);
  if (auto.checked && moment.has(found, now)) shoot();
}

/** @param {import("./aim.js").Hint} found */
function say({ tone, words }) {
  if (hint.dataset.tone !== tone) hint.dataset.tone = tone;
  if (hint.textContent !== words) hint.textContent = words; // a reader speaks only what changed
}

async function shoot() {
  if (isTaking || !stream) return;
  isTaking = true;
  shutter.disabled = true;
  live.stop();
  say({ tone: "wait", words: t("js.shot.taking") });
  try {
    const { picture, about } = await takeShot(video, stream.getVideoTracks()[0]);
    isWanted = false;
    stop();
    camera.hidden = true;
    sending.start(picture, about);
  } finally {
    isTaking = false;
    shutter.disabled = false;
    if (stream) live.start(); // it did not work: aim again
  }
}

async function nextLens() {
  const lenses = await backLenses();
  const now = stream?.getVideoTracks()[0].getSettings().deviceId;
  const next = lenses[(lenses.findIndex(({ deviceId }) => deviceId === now) + 1) % lenses.length];
  rememberLens(next.deviceId);
  stop();
  await run();
}

/** A phone that comes back from its lock screen may bring another lens: the camera is opened afresh. */
function onVisibility() {
  if (document.hidden) stop();
  else if (isWanted) run();
}

async function startIfAllowed() {
  if (!navigator.mediaDevices?.getUserMedia) return fail(new CameraFailed("Insecure"));
  const state = await navigator.permissions?.query({ name: "camera" }).catch(() => null);
  if (state?.state === "granted") run();
}

auto.checked = localStorage.getItem(AUTO) !== "no";
auto.addEventListener("change", () => localStorage.setItem(AUTO, auto.checked ? "yes" : "no"));
start.addEventListener("click", run);
shutter.addEventListener("click", shoot);
lens.addEventListener("click", nextLens);
document.addEventListener("visibilitychange", onVisibility);
addEventListener("pagehide", stop);
offerGhost(by("ghost"), by("ghost-line"), by("show-ghost"));
startIfAllowed();
