// Charts: drawn by Vega-Lite in place of their pictures, and their rows as a table or CSV.
const options = { actions: false, renderer: "svg", ast: true, tooltip: true };
const charts = new Map();

// The columns that a chart explains when it is pointed at are those that its table has.
function columnsOf(spec) {
    let found = [];
    const visit = (part) => {
        const tips = part.encoding?.tooltip;
        if (Array.isArray(tips) && tips.length > found.length) found = tips;
        (part.layer ?? []).forEach(visit);
    };
    visit(spec);
    return found.map(({ field, title, type, format }) => {
        const isNumber = type === "quantitative";
        return { field, title, isLeft: !isNumber, format: isNumber ? asInChart(format) : "text" };
    });
}

function rowsOfChart(spec, columns) {
    const rows = Object.values(spec.datasets)
        .flat()
        .filter((row) => columns.every(({ field }) => field in row));
    const cells = rows.map((row) => columns.map(({ field }) => row[field]));
    return Array.from(new Map(cells.map((row) => [JSON.stringify(row), row])).values());
}

async function draw(place, spec) {
    const chart = charts.get(place);
    chart.view?.finalize();
    chart.spec = spec;
    place.classList.add("drawn"); // before it is drawn, as a chart takes the width of what it stands in
    const embedded = await vegaEmbed(place.querySelector(".live"), spec, options);
    chart.view = embedded.view;
    chart.view.addEventListener("click", (event, item) => {
        const datum = item?.datum;
        if (datum) place.dispatchEvent(new CustomEvent("pointed", { detail: datum }));
    });
}

const places = Array.from(document.querySelectorAll("[data-spec]"));
for (const place of places) {
    const spec = JSON.parse(document.getElementById(place.dataset.spec).textContent);
    const figure = place.closest("figure");
    const columns = columnsOf(spec);
    charts.set(place, { spec, original: spec, columns });
    const titles = columns.map(({ title }) => title);
    const rows = () => rowsOfChart(charts.get(place).spec, columns);
    const tabled = () =>
        showRows(titleOf(figure), figure.querySelector("figcaption").textContent.trim(), columns, rows());
    toolsOf(figure).append(
        button("CSV", () => save(titleOf(figure), titles, rows()), titleOf(figure)),
        button("Table", tabled, titleOf(figure)),
    );
}
await Promise.all(places.map((place) => draw(place, charts.get(place).spec)));
