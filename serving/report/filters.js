// The filters: what follows them is summed again from the cube, over the customers chosen; all else says so.
const form = document.querySelector(".filters");
const chosen = {};
let pending = Promise.resolve();
const TITLES = {
    customer_id: "Customer",
    tier: "Tier",
    rfm_segment: "Segment",
    churn_band: "Risk",
    cluster_name: "Group",
    acquisition_channel: "First channel",
    activity_status: "Activity",
    recency_days: "Days since last",
    orders_count_365d: "Orders, 365 days",
    net_amount_365d: "Net sales, 365 days",
    churn_probability: "Risk of leaving",
    clv_12m_amount: "Expected margin, 12 months",
};
const LISTED = {
    customer_id: "text",
    tier: "text",
    rfm_segment: "text",
    activity_status: "plain",
    churn_probability: "percent",
    cluster_name: "text",
    acquisition_channel: "text",
    recency_days: "count",
    orders_count_365d: "count",
    net_amount_365d: "money",
    clv_12m_amount: "money",
};

// Whether row `number` of columns of places is of these customers; `where`: a set of names by dimension.
function isWithin(columns, number, where) {
    return where.every(([name, wanted]) => wanted.has(cube.names[name][columns[name][number]]));
}

const sets = (...conditions) =>
    conditions.flatMap((one) =>
        Object.entries(one).map(([name, wanted]) => [name, new Set([wanted].flat().map(String))]),
    );

// The sums of each measure by a key of dimensions, over the customers chosen.
function summed(columns, dimensions, where) {
    const measures = Object.keys(columns).filter((name) => !(name in cube.names));
    const sums = new Map();
    for (let number = 0; number < columns[measures[0]].length; number += 1) {
        if (!isWithin(columns, number, where)) continue;
        const key = JSON.stringify(dimensions.map((name) => cube.names[name][columns[name][number]]));
        const sum = sums.get(key) ?? Object.fromEntries(measures.map((name) => [name, 0]));
        for (const name of measures) sum[name] += columns[name][number];
        sums.set(key, sum);
    }
    return sums;
}

// The numbers of each row (an object with the columns of `live.by`), in the order of the rows.
function numbersOf(live, rows) {
    const dimensions = Object.values(live.by),
        names = Object.keys(live.by);
    const sums = summed(cube.cubes[live.cube], dimensions, sets(chosen, live.only));
    const found = rows.map((row) => sums.get(JSON.stringify(names.map((name) => String(row[name])))));
    const measure = (name, row) => (name === "*" ? live.measures[row[live.pick]] : name);
    const total = (name, picked) =>
        found.reduce(
            (sum, one, place) => (!live.pick || rows[place][live.pick] === picked ? sum + (one?.[name] ?? 0) : sum),
            0,
        );
    return rows.map((row, place) => {
        const one = found[place];
        return Object.fromEntries(
            Object.entries(live.values).map(([column, [kind, first, second]]) => {
                // amounts have four decimals; what sums of floats add beyond them is nothing
                const name = measure(first, row),
                    value = Math.round((one?.[name] ?? 0) * 1e4) / 1e4;
                if (kind === "sum") return [column, value];
                const whole =
                    kind === "share" ? total(name, row[live.pick]) : kind === "ratio" ? (one?.[second] ?? 0) : 0;
                return [column, whole ? value / whole : null];
            }),
        );
    });
}

function filteredSpec(spec, live) {
    const columns = [...Object.keys(live.by), ...(live.pick ? [live.pick] : [])];
    const followed = (rows) => {
        if (!rows.every((row) => columns.every((name) => name in row))) return rows;
        // a day of a chart is that of the cube, whatever its time
        const keyed = rows.map((row) => ("month" in row ? { ...row, month: String(row.month).slice(0, 10) } : row));
        return numbersOf(live, keyed).map((numbers, place) => ({ ...rows[place], ...numbers }));
    };
    const datasets = Object.fromEntries(
        Object.entries(spec.datasets).map(([name, rows]) => [name, followed(rows)]),
    );
    return { ...spec, datasets };
}

function fillTable(table, live) {
    const rows = Array.from(table.tBodies[0].rows);
    numbersOf(
        live,
        rows.map((row) => ({ key: row.dataset.key })),
    ).forEach((numbers, place) => {
        for (const [column, value] of Object.entries(numbers)) {
            const cell = rows[place].cells[Number(column)],
                format = live.formats[column];
            (cell.querySelector("span") ?? cell).textContent = written(value, format);
            cell.dataset.value = value ?? "";
            if (format === "share") cell.querySelector("i")?.style.setProperty("width", `${100 * (value ?? 0)}%`);
        }
    });
}

function customersWhere(where) {
    const { customers } = cube,
        found = [];
    for (let number = 0; number < customers.customer_id.length; number += 1) {
        if (isWithin(customers, number, where)) found.push(number);
    }
    return found;
}

const customerValue = (name, number) => {
    const value = cube.customers[name][number];
    return name in cube.names ? cube.names[name][value] : value;
};
const INCOMPLETE =
    cube && !cube.is_whole
        ? ` Lists are of the ${formats.count(cube.customers.customer_id.length)} customers with the largest net sales.`
        : "";

function listCustomers(title, ...conditions) {
    const names = Object.keys(LISTED).filter((name) => !(name in cube.names) || cube.names[name].length > 1);
    const rows = customersWhere(sets(chosen, ...conditions)).map((number) =>
        names.map((name) => customerValue(name, number)),
    );
    const columns = names.map((name) => ({
        title: TITLES[name],
        format: LISTED[name],
        isLeft: name === "customer_id" || name in cube.names,
    }));
    const lead = `${formats.count(rows.length)} customers, by net sales of the past 365 days.${INCOMPLETE}`;
    showRows(title, lead, columns, rows);
}

function fillListing(figure, listing) {
    const body = figure.querySelector("tbody");
    const numbers = customersWhere(sets(chosen, listing.where)).filter(
        (number) => cube.customers.net_amount_365d[number] > 0,
    );
    const lefts = listing.columns.map(([, format]) => format === "text" || format === "plain");
    if (!numbers.length) {
        const none = element("td", {
            className: "left",
            textContent: "None of the customers chosen.",
            colSpan: listing.columns.length,
        });
        body.replaceChildren(element("tr", {}, none));
        return;
    }
    body.replaceChildren(
        ...numbers
            .slice(0, 10)
            .map((number) =>
                element(
                    "tr",
                    {},
                    ...listing.columns.map(([name, format], place) =>
                        cellOf({ format, isLeft: lefts[place] }, customerValue(name, number)),
                    ),
                ),
            ),
    );
}

// A figure as it was written, to be put back when no filter is left.
const kept = new Map();
const liveOf = (place) => (place.dataset.live ? JSON.parse(place.dataset.live) : null);
const canFollow = (live) => live && live.cube in cube.cubes;

async function followTile(tile, live, isFiltered) {
    const value = tile.querySelector(".value");
    if (!kept.has(tile)) kept.set(tile, value.textContent);
    value.textContent = isFiltered ? written(numbersOf(live, [{}])[0].value, live.formats.value) : kept.get(tile);
}

async function followFigure(figure, live, isFiltered) {
    const place = figure.querySelector(".chart"),
        table = figure.querySelector("table");
    if (table && !kept.has(table)) kept.set(table, table.tBodies[0].innerHTML);
    if (table && !isFiltered) table.tBodies[0].innerHTML = kept.get(table);
    if (table && isFiltered && figure.dataset.listing) fillListing(figure, JSON.parse(figure.dataset.listing));
    if (table && isFiltered && live) fillTable(table, live);
    if (place && live) {
        const { original } = charts.get(place);
        await draw(place, isFiltered ? filteredSpec(original, live) : original);
    }
}

async function follow(place, isFiltered) {
    const live = liveOf(place),
        follows = canFollow(live) || "listing" in place.dataset;
    place.classList.toggle("filtered", isFiltered && Boolean(follows));
    place.classList.toggle("unfiltered", isFiltered && !follows);
    if (!follows) return;
    await (place.classList.contains("tile") ? followTile : followFigure)(place, live, isFiltered);
}

async function update() {
    const isFiltered = Object.keys(chosen).length > 0;
    const places = Array.from(document.querySelectorAll("figure:not(.missing), .tile"));
    await Promise.all(places.map((place) => follow(place, isFiltered)));
    document.body.classList.toggle("is-filtered", isFiltered);
    const all = cube.cubes.customers.customers_count.reduce((sum, one) => sum + one, 0);
    const found = Array.from(summed(cube.cubes.customers, [], sets(chosen)).values())[0]?.customers_count ?? 0;
    const following = document.querySelectorAll("figure.filtered").length;
    const said = [
        `${formats.count(found)} of ${formats.count(all)} customers.`,
        ` ${following} figures follow; the others say that they show all.`,
        INCOMPLETE,
    ];
    form.querySelector("[role=status]").textContent = isFiltered ? said.join("") : "";
    document.documentElement.dataset.chosen = isFiltered ? String(found) : "";
}

function readChoice() {
    for (const select of form.querySelectorAll("select")) {
        if (select.value) chosen[select.name] = select.value;
        else delete chosen[select.name];
    }
    const said = new URLSearchParams(chosen).toString();
    history.replaceState(null, "", said ? `#${said}` : "#");
    // one after the other, so that no figure is left with what was chosen before
    pending = pending.then(update);
    return pending;
}

// A link with #tier=Gold opens the page for those customers.
function readLink() {
    const said = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    for (const select of form.querySelectorAll("select")) {
        const value = said.get(select.name) ?? "";
        select.value = Array.from(select.options, (one) => one.value).includes(value) ? value : "";
    }
}

// From a mark or a row to its customers: a chart is clicked, a row has a button, a list has one for all of it.
function offerCustomers(figure) {
    const live = liveOf(figure),
        title = titleOf(figure);
    if (figure.dataset.listing) {
        const { where } = JSON.parse(figure.dataset.listing);
        toolsOf(figure).append(button("All of them", () => listCustomers(title, where), title));
    }
    if (live?.cube !== "customers") return;
    const conditions = (row) =>
        Object.fromEntries(Object.entries(live.by).map(([name, dimension]) => [dimension, String(row[name])]));
    const open = (row) => {
        const where = conditions(row);
        if (Object.values(where).includes("undefined")) return;
        listCustomers(
            `${title}: ${Object.entries(where)
                .map(([name, value]) => formats.plain(value))
                .join(", ")}`,
            where,
        );
    };
    figure.querySelector(".chart")?.addEventListener("pointed", ({ detail }) => open(detail));
    const rows = () => {
        const place = figure.querySelector(".chart");
        if (!place) return Array.from(figure.querySelectorAll("tbody tr"), (row) => ({ key: row.dataset.key }));
        const found = Object.values(charts.get(place).spec.datasets).flat();
        return Array.from(new Map(found.map((row) => [JSON.stringify(conditions(row)), row])).values());
    };
    const names = Object.keys(live.by);
    const columns = names.map((name) => ({
        title: TITLES[live.by[name]] ?? formats.plain(live.by[name]),
        isLeft: true,
    }));
    const choose = () =>
        showRows(
            `${title}: whose customers?`,
            "",
            columns,
            rows().map((row) => names.map((name) => String(row[name]))),
            (row) => open(Object.fromEntries(names.map((name, place) => [name, row[place]]))),
        );
    toolsOf(figure).append(button("Customers", choose, title));
}

if (cube && cube.cubes.customers) {
    form.hidden = false;
    form.addEventListener("change", readChoice);
    form.addEventListener("reset", () => setTimeout(readChoice));
    form.querySelector("[data-customers]").addEventListener("click", () => listCustomers("Customers"));
    window.addEventListener("hashchange", () => {
        if (location.hash.includes("=")) {
            readLink();
            readChoice();
        }
    });
    document.querySelectorAll("figure[data-live], figure[data-listing]").forEach(offerCustomers);
    readLink();
    if (location.hash.includes("=")) await readChoice();
}
document.documentElement.dataset.drawn = String(charts.size);
