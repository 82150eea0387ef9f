#include <gtest/gtest.h>
#include <nfopt/runtime/io/svg_plot.h>

#include <cmath>

namespace nfopt {
namespace {

size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST(PlotTicks, AreRoundAndInside) {
  EXPECT_EQ(plot_ticks(0, 2000, Plot::Scale::linear), (std::vector<double>{0, 500, 1000, 1500, 2000}));
  EXPECT_EQ(plot_ticks(0.9, 1100, Plot::Scale::logarithmic),
            (std::vector<double>{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}));
  for (const auto& [low, high] : {std::pair{-3e-9, 5e-9}, {0.41, 0.43}, {1e6, 3e8}, {-7.0, -6.0}})
    for (const double tick : plot_ticks(low, high, Plot::Scale::linear)) {
      EXPECT_GE(tick, low - 1e-12);
      EXPECT_LE(tick, high + 1e-12 * std::abs(high));
    }
  EXPECT_GE(plot_ticks(0.41, 0.43, Plot::Scale::logarithmic).size(), 3u);
  EXPECT_TRUE(plot_ticks(1, 1, Plot::Scale::linear).empty());
  EXPECT_TRUE(plot_ticks(NAN, 1, Plot::Scale::linear).empty());
}

TEST(Svg, DrawsEverySeriesWithLegendBandAndLastValue) {
  Plot plot{.title = "loss <a & b>", .y_scale = Plot::Scale::logarithmic};
  plot.series = {{.label = "one", .x = {1, 2, 3}, .y = {3, 2, 1}, .low = {2, 1, 0.5}, .high = {4, 3, 2}},
                 {.label = "two", .x = {1, 2, 3}, .y = {1, 0.5, 0.25}}};
  const std::string svg = to_svg(plot);
  EXPECT_NE(svg.find("loss &lt;a &amp; b&gt;"), std::string::npos);
  EXPECT_NE(svg.find("two 0.25"), std::string::npos);
  EXPECT_EQ(count(svg, "class='line'"), 2u);
  EXPECT_EQ(count(svg, "fill-opacity"), 1u);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

TEST(Svg, ThinLinesAreNamedAndHaveAPenOfTheirOwn) {
  Plot plot;
  plot.series = {{.label = "run", .x = {1, 2}, .y = {3, 2}},
                 {.label = "envelope", .x = {1, 2}, .y = {2, 1}, .line = PlotSeries::Line::thin}};
  const std::string svg = to_svg(plot);
  EXPECT_EQ(count(svg, "class='line'"), 1u);
  EXPECT_EQ(count(svg, "class='line thin'"), 1u);
  EXPECT_EQ(count(svg, ">envelope"), 2u) << "in the legend and at its end";
  EXPECT_EQ(count(svg, "stroke='#D55E00'"), 3u) << "the second colour: curve, legend, leader of the last value";
}

TEST(Svg, PointsAreOneMarkEachAndHaveNoLastValue) {
  Plot plot;
  plot.series = {{.label = "a", .x = {1, 2, NAN}, .y = {3, 2, 1}}, {.label = "b", .x = {1, 2}, .y = {1, 5}}};
  for (PlotSeries& series : plot.series) series.line = PlotSeries::Line::points;
  const std::string svg = to_svg(plot);
  EXPECT_EQ(count(svg, "class='points'"), 2u);
  EXPECT_EQ(count(svg, "class='line'"), 0u);
  EXPECT_EQ(count(svg, "h0.01"), 4u + 2u) << "marks, and two in the legend";
  EXPECT_EQ(count(svg, "class='end'"), 0u);
}

TEST(Svg, ValuesThatCannotBeShownInterruptTheLine) {
  Plot plot{.y_scale = Plot::Scale::logarithmic};
  plot.series = {{.label = "x", .x = {1, 2, 3, 4, 5}, .y = {1, NAN, 2, -1, 3}}};
  const std::string svg = to_svg(plot);
  const size_t path = svg.find("class='line' d='");
  const std::string d = svg.substr(path, svg.find("'", path + 16) - path);
  EXPECT_EQ(count(d, "M"), 3u) << d;
}

TEST(Svg, DrawsSomethingReadableWhateverTheValues) {
  for (const std::vector<double>& y : {std::vector<double>{}, {NAN}, {0.5}, {7, 7, 7}, {INFINITY, 1}, {0, 0}}) {
    Plot plot;
    std::vector<double> x(y.size());
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i);
    plot.series = {{.label = "x", .x = x, .y = y}};
    const std::string svg = to_svg(plot);
    EXPECT_EQ(svg.find("inf"), std::string::npos);
    EXPECT_EQ(svg.find("nan"), std::string::npos);
    EXPECT_NE(svg.find("</svg>"), std::string::npos);
  }
  EXPECT_NE(to_svg({}).find("no points to draw"), std::string::npos);
}

TEST(Svg, ThinsLongSeriesToWhatAScreenShows) {
  PlotSeries series{.label = "long"};
  for (int i = 0; i < 500'000; ++i) {
    series.x.push_back(i);
    series.y.push_back(std::sin(i * 1e-4));
  }
  EXPECT_LT(to_svg({.series = {series}}).size(), 40'000u);
}

TEST(Smoothed, IsACentredMeanWithoutDelay) {
  EXPECT_EQ(smoothed({4, 4, 4}, 5), (std::vector<double>{4, 4, 4}));
  EXPECT_EQ(smoothed({1, 2, 3, 4, 5}, 2), (std::vector<double>{1, 2, 3, 4, 5}));  // a straight line stays
  EXPECT_EQ(smoothed({1, 7, 1}, 1), (std::vector<double>{1, 3, 1}));
  EXPECT_EQ(smoothed({1, NAN, 3}, 1), (std::vector<double>{1, 2, 3}));
  EXPECT_TRUE(smoothed({}, 3).empty());
}

}  // namespace
}  // namespace nfopt
