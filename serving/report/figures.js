// Numbers in the words of the report (as serving/report/formatting.py writes them), and rows as CSV.
const text = document.getElementById("cube")?.textContent;
const cube = text ? JSON.parse(text) : null;
const NONE = "–";
const grouped = (number, digits) =>
    number
        .toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })
        .replace("-", "−");

function money(amount) {
    const sign = amount < 0 ? "−" : "",
        size = Math.abs(amount);
    for (const [scale, letter] of [
        [1e9, "bn"],
        [1e6, "m"],
        [1e3, "k"],
    ]) {
        if (size >= scale * 0.99995) {
            const scaled = size / scale;
            return `${sign}${cube.currency}${scaled.toFixed(scaled < 10 ? 2 : scaled < 100 ? 1 : 0)}${letter}`;
        }
    }
    return `${sign}${cube.currency}${grouped(size, size < 100 ? 2 : 0)}`;
}

const formats = {
    money,
    count: (number) => grouped(number, 0),
    digit: (number) => grouped(number, 1),
    percent: (share) => `${grouped(100 * share, 0)}%`,
    share: (share) => `${grouped(100 * share, 0)}%`,
    plain: (name) => name.replaceAll("_", " "),
    text: String,
};
// A number as the chart that has it writes it, by its format there: ",.0f" or "+.1%".
function asInChart(format) {
    const [, digits, kind] = /\.(\d)([f%])/.exec(format ?? "") ?? [];
    if (!kind) return "text";
    return (value) => (kind === "%" ? `${grouped(100 * value, Number(digits))}%` : grouped(value, Number(digits)));
}

const written = (value, format) => {
    if (value === null || value === undefined || Number.isNaN(value)) return NONE;
    return typeof format === "function" ? format(value) : formats[format ?? "text"](value);
};

// A text that a spreadsheet would compute is quoted, as in every CSV of this product: csv_cell in warehouse/files.py.
function csvCell(value) {
    if (value === null || value === undefined) return "";
    let cell = String(value);
    const isNumber = typeof value === "number" || /^-?\d+(\.\d+)?(e[+-]\d+)?$/.test(cell);
    if (!isNumber && /^[ \n]*[=+\-@\t\r＝＋－＠]/.test(cell)) cell = `'${cell}`;
    cell = cell.replace(
        /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
        (sign) => `\\x${sign.charCodeAt().toString(16).padStart(2, "0")}`,
    );
    return /[",\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

// With a mark of the encoding, without which spreadsheets misread names that are not English.
const csvOf = (titles, rows) =>
    "\ufeff" + [titles, ...rows].map((row) => row.map(csvCell).join(",") + "\r\n").join("");

function save(title, titles, rows) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csvOf(titles, rows)], { type: "text/csv;charset=utf-8" }));
    link.download = `${title
        .replace(/[^\p{L}\p{N}]+/gu, "_")
        .replace(/^_|_$/g, "")
        .toLowerCase()}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function element(name, properties, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
}

function button(label, action, about) {
    const made = element("button", { type: "button", textContent: label, onclick: action });
    if (about) made.setAttribute("aria-label", `${label}: ${about}`);
    return made;
}

function toolsOf(figure) {
    const found = figure.querySelector(":scope > .tools");
    if (found) return found;
    const made = element("div", { className: "tools" });
    figure.querySelector("h3").after(made);
    return made;
}
