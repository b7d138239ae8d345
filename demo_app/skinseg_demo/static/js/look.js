// The look that this phone keeps: dark or light, and large buttons. The box reads the cookies when it makes a page.

const root = document.documentElement;
const YEAR_S = 31_536_000;

/** @param {string} name @param {string} value */
function keep(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${value}; Path=/; Max-Age=${YEAR_S}; SameSite=Strict${secure}`;
}

for (const choice of document.querySelectorAll('input[name="theme"]')) {
  choice.addEventListener("change", () => {
    keep("theme", choice.value);
    if (choice.value === "auto") delete root.dataset.theme;
    else root.dataset.theme = choice.value;
  });
}

const big = document.getElementById("big");
big?.addEventListener("change", () => {
  keep("big", big.checked ? "yes" : "no");
  root.toggleAttribute("data-big", big.checked);
});
