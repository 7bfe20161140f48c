// For people who build the report by hand, from this folder:
//   npx -y allure@3.18.0 generate latest/allure-results --config allurerc.mjs -o latest/allure-report
// `quantgate report` uses the same settings (harness/quantgate/report/allure/build.py) and removes the
// analytics tag. Empty the output folder first: Allure 3 leaves an old index.html in place.
export default {
  name: "quantgate",
  historyPath: "./allure-history.jsonl",
  historyLimit: 50,
  appendHistory: true,
  categories: {
    rules: [
      { name: "Regressed", matchers: { statuses: ["failed"] } },
      { name: "Undecided", matchers: { statuses: ["broken"], message: /.*UNDECIDED.*/ } },
      { name: "Known", matchers: { statuses: ["skipped"], message: /.*KNOWN.*/ } },
      { name: "Broken", matchers: { statuses: ["broken"] } },
    ],
  },
  plugins: {
    awesome: {
      options: { reportName: "quantgate", reportLanguage: "en", groupBy: ["epic", "feature", "story"] },
    },
  },
};
