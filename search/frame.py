"""The frame of a report: style, the buttons that copy a command, and the places that `page` fills."""

from string import Template

FRAME = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { --ink: #1f2a37; --soft: #5b6877; --line: #dfe4e9; --front: #1d6f8a; --winner: #c8452f; }
* { box-sizing: border-box; }
body { margin: 0; background: #f5f6f8; color: var(--ink); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { font-size: 26px; font-weight: 650; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 17px; font-weight: 650; margin: 0 0 6px; }
.lead { color: var(--soft); max-width: 78ch; }
.lead p { margin: 6px 0 20px; }
a { color: var(--front); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(132px, 1fr)); gap: 12px; margin-bottom: 12px; }
.tile, section { background: #fff; border: 1px solid var(--line); border-radius: 8px; }
.tile { padding: 12px 14px; }
.tile .label { color: var(--soft); font-size: 13px; }
.tile .value { font-size: 25px; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile .note { color: var(--soft); font-size: 12.5px; line-height: 1.4; min-height: 1.4em; }
section { padding: 18px 20px; margin-bottom: 12px; }
.text { color: var(--soft); font-size: 13.5px; max-width: 92ch; margin: 0 0 12px; }
.scroll { overflow-x: auto; margin-bottom: 14px; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 500; }
th, td { padding: 6px 10px 6px 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
tr.recommended td { font-weight: 600; }
tr.recommended .mark { color: var(--winner); }
.mark { color: var(--soft); }
.buttons { text-align: right; padding-right: 0; }
th:last-child { text-align: right; padding-right: 0; }
button { font: 12.5px system-ui, sans-serif; color: var(--front); background: #fff; border: 1px solid var(--line); border-radius: 5px;
  padding: 2px 7px; margin-left: 5px; cursor: pointer; }
button:hover { border-color: var(--front); }
.command { display: flex; align-items: center; gap: 8px; background: #f5f6f8; border-radius: 6px; padding: 7px 10px; margin-bottom: 6px; }
.command code { flex: 1; overflow-x: auto; white-space: nowrap; font-size: 12.5px; user-select: all; }
@media (max-width: 900px) {
  table { font-size: 12.5px; }
  th, td { padding-right: 7px; }
  button { padding: 1px 4px; margin-left: 3px; font-size: 12px; }
}
dl { display: grid; grid-template-columns: minmax(140px, max-content) 1fr; gap: 3px 22px; margin: 0; font-size: 13px; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
</style>
<script>$plotly</script>
</head>
<body>
<main>
<h1>$heading</h1>
<div class="lead">$lead</div>
<div class="tiles">$tiles</div>
$sections
</main>
<script>
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-command]");
  if (!button) return;
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.command);
  } catch {  // pages opened from disk may not use the clipboard that way
    const field = document.body.appendChild(document.createElement("textarea"));
    field.value = button.dataset.command;
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  button.textContent = "copied";
  setTimeout(() => { button.textContent = label; }, 1200);
});
</script>
</body>
</html>
""")
