#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <cstdint>
#include <string>
#include <vector>

namespace nfopt {

/// One curve. Points with a coordinate that is not finite (or not positive on a logarithmic axis) interrupt the line.
struct PlotSeries {
  std::string label = {};
  std::vector<double> x = {};
  std::vector<double> y = {};
  std::vector<double> low = {};  ///< with `high`: a band around the line, e.g. the range over seeds; both or neither
  std::vector<double> high = {};
  enum class Line : uint8_t {
    solid,
    faint,  ///< raw values behind a smoothed curve, in the colour of the series that follows
    thin,   ///< what is no measured curve itself: a bound, an envelope
    points  ///< a mark for every value, all of them, and no line: a scatter plot
  } line = Line::solid;
};

/// A line plot: axes with round ticks, a legend, and at each line's end its name and last value.
struct Plot {
  enum class Scale : uint8_t { linear, logarithmic };
  std::string title = {};
  std::string subtitle = {};
  std::string x_label = {};
  std::string y_label = {};
  Scale x_scale = Scale::linear;
  Scale y_scale = Scale::linear;
  std::vector<PlotSeries> series = {};
};

/// The plot as a self-contained SVG document. Colours are Okabe and Ito's (safe for colour-blind readers); lines also
/// differ in their dashes, points in their shapes. Long lines are thinned to what a screen can show. A plot without
/// points says so.
NFOPT_API std::string to_svg(const Plot& plot);

/// Round values that cover [low, high]: 1, 2 or 5 times a power of ten apart; on a logarithmic axis powers of ten, with
/// round values between them where there is room.
NFOPT_API std::vector<double> plot_ticks(double low, double high, Plot::Scale scale);

/// Centred moving average, y'_i = mean of y over i-r .. i+r with r = min(radius, distance to the nearer end): smooths
/// without delay. Values that are not finite are passed over.
NFOPT_API std::vector<double> smoothed(const std::vector<double>& y, size_t radius);

}  // namespace nfopt
