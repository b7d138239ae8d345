// Fetches a fresh code before the shown one ends.
const code = document.getElementById("code");
setTimeout(() => location.reload(), Number(code.dataset.renewS) * 1000);
