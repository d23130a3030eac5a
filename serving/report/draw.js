const options = { actions: false, renderer: "svg", ast: true, tooltip: { theme: "light" } };
const charts = document.querySelectorAll("[data-spec]");
await Promise.all(
    Array.from(charts, async (place) => {
        const spec = JSON.parse(document.getElementById(place.dataset.spec).textContent);
        await vegaEmbed(place, spec, options);
    }),
);
document.documentElement.dataset.drawn = String(charts.length);
