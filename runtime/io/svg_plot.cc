#include <nfopt/runtime/io/svg_plot.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <limits>

namespace nfopt {
namespace {

constexpr double kWidth = 900, kHeight = 540;
constexpr double kLeft = 84, kRight = 222, kTop = 92, kBottom = 62;
constexpr double kInnerWidth = kWidth - kLeft - kRight, kInnerHeight = kHeight - kTop - kBottom;
constexpr size_t kMaxPoints = 1200;

struct Pen {
  const char* colour;
  const char* dash;
};
constexpr std::array<Pen, 8> kPens = {{{"#0072B2", ""},
                                       {"#D55E00", "9 4"},
                                       {"#009E73", "2 3"},
                                       {"#CC79A7", "10 3 2 3"},
                                       {"#56B4E9", "5 2"},
                                       {"#E69F00", "14 4"},
                                       {"#000000", "4 4"},
                                       {"#8C6D1F", "7 2 2 2 2 2"}}};

[[gnu::format(printf, 2, 3)]] void append(std::string& out, const char* format, ...) {
  std::array<char, 1024> buffer;
  va_list arguments;
  va_start(arguments, format);
  const int length = std::vsnprintf(buffer.data(), buffer.size(), format, arguments);
  va_end(arguments);
  if (length > 0) out.append(buffer.data(), std::min(static_cast<size_t>(length), buffer.size() - 1));
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (static_cast<unsigned char>(c) >= 0x20) {
      out += c;
    }
  }
  return out;
}

// 2000 -> 2,000; 0.25 -> 0.25; 1e-7 -> 1e-07.
std::string number(double value) {
  std::array<char, 64> buffer;
  if (std::abs(value) >= 1000 && std::abs(value) < 1e7 && value == std::floor(value)) {
    std::snprintf(buffer.data(), buffer.size(), "%.0f", value);
    std::string digits = buffer.data();
    for (size_t i = digits.size(); i > 3 + (value < 0 ? 1u : 0u); i -= 3) digits.insert(i - 3, ",");
    return digits;
  }
  std::snprintf(buffer.data(), buffer.size(), "%.4g", value);
  return buffer.data();
}

struct Axis {
  Plot::Scale scale;
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  bool shows(double value) const { return std::isfinite(value) && (scale == Plot::Scale::linear || value > 0); }
  double along(double value) const { return scale == Plot::Scale::linear ? value : std::log10(value); }
  double fraction(double value) const { return (along(value) - along(low)) / (along(high) - along(low)); }

  void include(double value) {
    if (!shows(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return low > high; }
  // Room above and below the data, and an interval even where all values are equal.
  void pad(double by) {
    if (scale == Plot::Scale::logarithmic) {
      const double factor = low == high ? 1.5 : std::pow(high / low, by);
      low /= factor;
      high *= factor;
    } else {
      const double room = low == high ? std::max(1e-9, std::abs(low) * 0.1) : (high - low) * by;
      low -= room;
      high += room;
    }
  }
};

struct Frame {
  Axis x, y;
  double px(double value) const { return kLeft + kInnerWidth * x.fraction(value); }
  double py(double value) const { return kTop + kInnerHeight * (1 - y.fraction(value)); }
};

// Every stride-th point and the last one.
std::vector<size_t> shown_points(size_t count) {
  std::vector<size_t> points;
  const size_t stride = std::max<size_t>(1, (count + kMaxPoints - 1) / kMaxPoints);
  for (size_t i = 0; i < count; i += stride) points.push_back(i);
  if (count > 0 && points.back() != count - 1) points.push_back(count - 1);
  return points;
}

std::string line_path(const Frame& frame, const PlotSeries& series) {
  std::string path;
  bool down = false;
  for (const size_t i : shown_points(std::min(series.x.size(), series.y.size()))) {
    const bool visible = frame.x.shows(series.x[i]) && frame.y.shows(series.y[i]);
    if (visible) append(path, "%c%.1f %.1f", down ? 'L' : 'M', frame.px(series.x[i]), frame.py(series.y[i]));
    down = visible;
  }
  return path;
}

// One mark: discs, squares and crosses in turn. Discs and squares are lines of no length with thick ends.
std::string mark(double x, double y, size_t shape) {
  std::string path;
  if (shape % 3 == 2) {
    append(path, "M%.1f %.1fh5M%.1f %.1fv5", x - 2.5, y, x, y - 2.5);
  } else {
    append(path, "M%.1f %.1fh0.01", x, y);
  }
  return path;
}

std::string mark_style(size_t shape) {
  if (shape % 3 == 2) return "' stroke-width='1.3";
  return shape % 3 == 0 ? "' stroke-width='5' stroke-linecap='round" : "' stroke-width='4.4' stroke-linecap='square";
}

std::string points_path(const Frame& frame, const PlotSeries& series, size_t shape) {
  std::string path;
  for (size_t i = 0; i < std::min(series.x.size(), series.y.size()); ++i)
    if (frame.x.shows(series.x[i]) && frame.y.shows(series.y[i]))
      path += mark(frame.px(series.x[i]), frame.py(series.y[i]), shape);
  return path;
}

std::string band_path(const Frame& frame, const PlotSeries& series) {
  std::string there, back;
  const size_t count = std::min({series.x.size(), series.low.size(), series.high.size()});
  for (const size_t i : shown_points(count)) {
    if (!frame.x.shows(series.x[i]) || !frame.y.shows(series.low[i]) || !frame.y.shows(series.high[i])) continue;
    append(there, "%c%.1f %.1f", there.empty() ? 'M' : 'L', frame.px(series.x[i]), frame.py(series.high[i]));
    std::string point;
    append(point, "L%.1f %.1f", frame.px(series.x[i]), frame.py(series.low[i]));
    back = point + back;
  }
  return there.empty() ? "" : there + back + "Z";
}

void draw_axes(std::string& svg, const Frame& frame, const Plot& plot) {
  const double bottom = kTop + kInnerHeight;
  for (const double tick : plot_ticks(frame.y.low, frame.y.high, frame.y.scale)) {
    const double y = frame.py(tick);
    append(svg, "<line class='grid' x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f'/>\n", kLeft, y, kLeft + kInnerWidth, y);
    append(svg, "<text class='tick' x='%.1f' y='%.1f' text-anchor='end'>%s</text>\n", kLeft - 9, y + 4,
           number(tick).c_str());
  }
  for (const double tick : plot_ticks(frame.x.low, frame.x.high, frame.x.scale)) {
    const double x = frame.px(tick);
    append(svg, "<line class='axis' x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f'/>\n", x, bottom, x, bottom + 5);
    append(svg, "<text class='tick' x='%.1f' y='%.1f' text-anchor='middle'>%s</text>\n", x, bottom + 20,
           number(tick).c_str());
  }
  append(svg, "<line class='axis' x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f'/>\n", kLeft, bottom, kLeft + kInnerWidth,
         bottom);
  append(svg, "<text class='label' x='%.1f' y='%.1f' text-anchor='middle'>", kLeft + kInnerWidth / 2, bottom + 46);
  svg += escaped(plot.x_label) + "</text>\n";
  append(svg, "<text class='label' transform='translate(%.1f %.1f) rotate(-90)' text-anchor='middle'>", 24.0,
         kTop + kInnerHeight / 2);
  svg += escaped(plot.y_label) + "</text>\n";
}

struct EndLabel {
  double wanted, y;
  std::string text;
  const char* colour;
  double x;
};

// Labels keep their order and at least 16 units of distance; what does not fit below is pushed up again.
void spread(std::vector<EndLabel>& labels) {
  constexpr double kGap = 16;
  std::stable_sort(labels.begin(), labels.end(), [](const auto& a, const auto& b) { return a.wanted < b.wanted; });
  double free = kTop;
  for (EndLabel& label : labels) {
    label.y = std::max(label.wanted, free);
    free = label.y + kGap;
  }
  free = kTop + kInnerHeight;
  for (auto label = labels.rbegin(); label != labels.rend(); ++label) {
    label->y = std::min(label->y, free);
    free = label->y - kGap;
  }
}

void draw_series(std::string& svg, const Frame& frame, const Plot& plot) {
  std::vector<EndLabel> labels;
  std::string legend;
  size_t legend_entries = 0;
  double legend_x = kLeft;
  size_t pen_index = 0;
  for (const PlotSeries& series : plot.series) {
    const Pen& pen = kPens[pen_index % kPens.size()];
    const bool faint = series.line == PlotSeries::Line::faint;
    const bool points = series.line == PlotSeries::Line::points;
    const bool thin = series.line == PlotSeries::Line::thin;
    if (const std::string band = band_path(frame, series); !band.empty())
      svg += "<path d='" + band + "' fill='" + pen.colour + "' fill-opacity='0.15' stroke='none'/>\n";
    if (points) {
      svg += "<path class='points' d='" + points_path(frame, series, pen_index) + "' fill='none' stroke='" +
             pen.colour + mark_style(pen_index) + "' stroke-opacity='0.55'/>\n";
      legend += "<path d='" + mark(legend_x + 15, kTop - 20, pen_index) + "' fill='none' stroke='" + pen.colour +
                mark_style(pen_index) + "'/>\n";
    } else {
      svg += "<path class='line" + std::string(thin ? " thin" : "") + "' d='" + line_path(frame, series) +
             "' stroke='" + pen.colour +
             (faint ? "' stroke-width='1' stroke-opacity='0.28" : "' stroke-dasharray='" + std::string(pen.dash)) +
             "'/>\n";
    }
    if (faint) continue;
    ++pen_index;

    if (!points)
      append(legend,
             "<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' stroke='%s' stroke-width='%s' stroke-dasharray='%s'/>\n",
             legend_x, kTop - 20, legend_x + 30, kTop - 20, pen.colour, thin ? "1.5" : "2.2", pen.dash);
    append(legend, "<text class='tick' x='%.1f' y='%.1f'>", legend_x + 36, kTop - 16);
    legend += escaped(series.label) + "</text>\n";
    legend_x += 58 + 7.2 * static_cast<double>(series.label.size());
    ++legend_entries;
    if (points) continue;  // no last value

    for (size_t i = std::min(series.x.size(), series.y.size()); i-- > 0;) {
      if (!frame.x.shows(series.x[i]) || !frame.y.shows(series.y[i])) continue;
      labels.push_back({frame.py(series.y[i]), 0, escaped(series.label) + " " + number(series.y[i]), pen.colour,
                        frame.px(series.x[i])});
      break;
    }
  }
  if (legend_entries > 1) svg += legend;
  spread(labels);
  const double x = kLeft + kInnerWidth + 12;
  for (const EndLabel& label : labels) {
    append(svg, "<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' stroke='%s' stroke-width='0.8' stroke-opacity='0.6'/>\n",
           label.x + 1, label.wanted, x - 3, label.y, label.colour);
    append(svg, "<text class='end' x='%.1f' y='%.1f'>", x, label.y + 4);
    svg += label.text + "</text>\n";
  }
}

}  // namespace

std::vector<double> plot_ticks(double low, double high, Plot::Scale scale) {
  std::vector<double> ticks;
  if (!std::isfinite(low) || !std::isfinite(high) || !(low < high)) return ticks;
  if (scale == Plot::Scale::logarithmic && low > 0) {
    const double decades = std::log10(high / low);
    const int first = static_cast<int>(std::floor(std::log10(low)));
    const int last = static_cast<int>(std::ceil(std::log10(high)));
    const int every = std::max(1, static_cast<int>(decades / 8));
    for (int power = first; power <= last; power += every)
      for (const double factor : {1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0}) {
        if (factor != 1.0 && decades > 3.5) continue;
        if (factor != 1.0 && factor != 2.0 && factor != 5.0 && decades > 1.2) continue;
        const double tick = factor * std::pow(10.0, power);
        if (tick >= low && tick <= high) ticks.push_back(tick);
      }
    if (ticks.size() >= 3) return ticks;
    ticks.clear();  // less than a decade: evenly spaced values read better
  }
  const double rough = (high - low) / 6;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  const double step = power * (rough / power <= 1 ? 1 : rough / power <= 2 ? 2 : rough / power <= 5 ? 5 : 10);
  const double first = std::ceil(low / step);
  for (int i = 0; i < 20 && (first + i) * step <= high; ++i) {
    const double tick = (first + i) * step;
    if (scale == Plot::Scale::linear || tick > 0) ticks.push_back(tick == 0 ? 0 : tick);
  }
  return ticks;
}

std::vector<double> smoothed(const std::vector<double>& y, size_t radius) {
  std::vector<double> out;
  for (size_t i = 0; i < y.size(); ++i) {
    const size_t r = std::min({radius, i, y.size() - 1 - i});
    double sum = 0, count = 0;
    for (size_t j = i - r; j <= i + r; ++j) {
      if (!std::isfinite(y[j])) continue;
      sum += y[j];
      count += 1;
    }
    out.push_back(count > 0 ? sum / count : y[i]);
  }
  return out;
}

std::string to_svg(const Plot& plot) {
  Frame frame{.x = {.scale = plot.x_scale}, .y = {.scale = plot.y_scale}};
  for (const PlotSeries& series : plot.series) {
    for (size_t i = 0; i < std::min(series.x.size(), series.y.size()); ++i) {
      if (!frame.x.shows(series.x[i]) || !frame.y.shows(series.y[i])) continue;
      frame.x.include(series.x[i]);
      frame.y.include(series.y[i]);
    }
    for (const double value : series.low) frame.y.include(value);
    for (const double value : series.high) frame.y.include(value);
  }

  std::string svg;
  append(svg, "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %g %g' width='%g' height='%g' role='img'>\n",
         kWidth, kHeight, kWidth, kHeight);
  svg +=
      "<style>text{font-family:Helvetica,Arial,'DejaVu Sans',sans-serif;fill:#222}"
      ".title{font-size:18px;font-weight:bold}.subtitle{font-size:13px;fill:#555}.label{font-size:14px}"
      ".tick{font-size:12px;fill:#333}.end{font-size:13px}.grid{stroke:#e4e4e4}.axis{stroke:#555}"
      ".line{fill:none;stroke-width:2;stroke-linejoin:round}.thin{stroke-width:1.4}</style>\n<rect width='100%' "
      "height='100%' fill='#fff'/>\n";
  append(svg, "<text class='title' x='%.1f' y='30'>", kLeft);
  svg += escaped(plot.title) + "</text>\n";
  append(svg, "<text class='subtitle' x='%.1f' y='50'>", kLeft);
  svg += escaped(plot.subtitle) + "</text>\n";
  if (frame.x.empty()) {
    append(svg, "<text class='label' x='%.1f' y='%.1f' text-anchor='middle'>no points to draw</text>\n",
           kLeft + kInnerWidth / 2, kTop + kInnerHeight / 2);
    return svg + "</svg>\n";
  }
  if (frame.x.low == frame.x.high) frame.x.pad(0);
  frame.y.pad(0.04);
  draw_axes(svg, frame, plot);
  draw_series(svg, frame, plot);
  return svg + "</svg>\n";
}

}  // namespace nfopt
