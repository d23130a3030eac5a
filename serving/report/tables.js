// Tables: sorted by a click on a column's title, saved as CSV; and the window that shows rows or customers.
const titleOf = (figure) => figure.querySelector("h3").textContent;
const shownIn = (cell) => (cell.querySelector("span") ?? cell).textContent;
const valueOf = (cell) => {
    const value = cell.dataset.value ?? shownIn(cell);
    return value !== "" && Number.isFinite(Number(value)) ? Number(value) : value;
};

function compared(one, other) {
    if (one === "" || other === "") return (one === "") - (other === "");
    if (typeof one === "number" && typeof other === "number") return one - other;
    return String(one).localeCompare(String(other), undefined, { numeric: true });
}

function sortBy(table, place, head) {
    const isUp = head.getAttribute("aria-sort") === "descending";
    const direction = isUp ? 1 : -1;
    const rows = Array.from(table.tBodies[0].rows);
    // what has no value stays last, whichever way the others go
    const of = (row) => (shownIn(row.cells[place]) === NONE ? "" : valueOf(row.cells[place]));
    rows.sort((one, other) => {
        const [a, b] = [of(one), of(other)];
        return a === "" || b === "" ? compared(a, b) : direction * compared(a, b);
    });
    table.tBodies[0].append(...rows);
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", isUp ? "ascending" : "descending");
}

function makeSortable(table) {
    Array.from(table.tHead.rows[0].cells).forEach((head, place) => {
        if (!head.textContent.trim()) return;
        head.replaceChildren(button(head.textContent, () => sortBy(table, place, head)));
    });
}

const titlesOf = (table) => Array.from(table.tHead.rows[0].cells, (head) => head.textContent);
const rowsOfTable = (table) =>
    Array.from(table.tBodies[0].rows, (row) =>
        Array.from(row.cells, (cell) => {
            const below = cell.querySelector("small")?.textContent;
            const value = valueOf(cell);
            return value === NONE ? null : below ? `${value}; ${below}` : value;
        }),
    );

for (const table of document.querySelectorAll("figure table")) {
    const figure = table.closest("figure");
    if (table.tBodies[0].rows.length > 1) makeSortable(table);
    if (figure.querySelector(".chart")) continue; // the chart's own rows are saved: the table shows the same
    const save_ = () => save(titleOf(figure), titlesOf(table), rowsOfTable(table));
    toolsOf(figure).append(button("CSV", save_, titleOf(figure)));
}

const dialog = document.querySelector("dialog");
const FIRST = 100;

function cellOf({ format, isLeft }, value) {
    const cell = element("td", { textContent: written(value, format), className: isLeft ? "left" : "" });
    if (typeof value === "number") cell.dataset.value = value;
    return cell;
}

// A window with a table: columns have title, format and isLeft; `act` is what a click on a row's button does.
function showRows(title, lead, columns, rows, act) {
    dialog.querySelector("h2").textContent = title;
    dialog.querySelector(".lead").textContent = lead;
    const table = dialog.querySelector("table");
    const heads = columns.map(({ title, isLeft }) =>
        element("th", { scope: "col", textContent: title, className: isLeft ? "left" : "" }),
    );
    table.tHead.replaceChildren(element("tr", {}, ...heads, ...(act ? [element("td", {})] : [])));
    const fill = (shown) =>
        table.tBodies[0].replaceChildren(
            ...shown.map((row) => {
                const cells = columns.map((column, place) => cellOf(column, row[place]));
                const last = act
                    ? [
                          element(
                              "td",
                              {},
                              button("Customers", () => act(row), String(row[0])),
                          ),
                      ]
                    : [];
                return element("tr", {}, ...cells, ...last);
            }),
        );
    fill(rows.slice(0, FIRST));
    makeSortable(table);
    const tools = [button("Close", () => dialog.close())];
    tools.unshift(
        button("CSV", () =>
            save(
                title,
                columns.map((one) => one.title),
                rows,
            ),
        ),
    );
    if (rows.length > FIRST) {
        const all = button(`Show all ${formats.count(rows.length)}`, () => {
            fill(rows);
            all.remove();
        });
        tools.unshift(all);
    }
    dialog.querySelector(".tools").replaceChildren(...tools);
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
}
