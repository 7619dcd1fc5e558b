package org.diffusionsoup.image.png;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.AffineTransform;
import java.awt.geom.Arc2D;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Path2D;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Scanner;
import org.diffusionsoup.core.SoupException;

/**
 * Text drawn as strokes. A server without fontconfig has no fonts, and the JDK then fails at the
 * first string drawn; and the same label must give the same picture on every machine.
 *
 * <p>Covers ASCII and a few signs; accents are dropped from letters, anything else is a box.
 */
final class StrokeFont {
    private record Glyph(double width, Path2D strokes) {}

    private static final double GAP = 2.1;
    private static final double SPACE = 4.2;
    private static final double STROKE = 1.25;

    /** Height of a line in font units, tails and the gap between lines included. */
    private static final double LINE = 17;

    private static final Map<Integer, Glyph> GLYPHS = load();
    private static final Glyph BOX = new Glyph(5, box());

    private final double scale;

    /**
     * @param size height of a line in pixels; capitals are 10/17 of it
     */
    StrokeFont(double size) {
        scale = size / LINE;
    }

    /** Height of a line in pixels. */
    double lineHeight() {
        return LINE * scale;
    }

    /** Width in pixels. */
    double width(String text) {
        int[] characters = simplify(text);
        double width = 0;
        for (int c : characters) {
            width += advance(c);
        }
        return characters.length == 0 ? 0 : (width - GAP + STROKE) * scale;
    }

    /**
     * Draws one line.
     *
     * @param left of the first stroke
     * @param top of the line; capitals begin a little below
     */
    void draw(Graphics2D graphics, String text, double left, double top, Color colour) {
        Graphics2D g = (Graphics2D) graphics.create();
        g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        g.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
        g.setColor(colour);
        float pen = (float) Math.max(STROKE * scale, 1.1);
        g.setStroke(new BasicStroke(pen, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
        double x = STROKE / 2;
        for (int c : simplify(text)) {
            if (c != ' ') {
                AffineTransform place =
                        new AffineTransform(
                                scale, 0, 0, scale, left + x * scale, top + 2.2 * scale);
                g.draw(glyph(c).strokes().createTransformedShape(place));
            }
            x += advance(c);
        }
        g.dispose();
    }

    /**
     * Breaks a text into lines that fit, words where possible; what does not fit into the last line
     * is cut with an ellipsis.
     */
    List<String> wrap(String text, double width, int most) {
        List<String> lines = new ArrayList<>();
        String line = "";
        List<String> words = new ArrayList<>(List.of(text.strip().split("\\s+")));
        while (!words.isEmpty()) {
            String word = words.getFirst();
            String longer = line.isEmpty() ? word : line + " " + word;
            if (width(longer) <= width) {
                line = longer;
                words.removeFirst();
            } else if (lines.size() == most - 1) {
                String rest = line.isEmpty() ? word : line + " " + word;
                lines.add(cut(rest, width));
                return lines;
            } else if (line.isEmpty()) {
                int fits = Math.max(1, fitting(word, width));
                lines.add(word.substring(0, fits));
                words.set(0, word.substring(fits));
            } else {
                lines.add(line);
                line = "";
            }
        }
        if (!line.isEmpty()) {
            lines.add(line);
        }
        return lines;
    }

    private String cut(String text, double width) {
        int end = text.length();
        while (end > 0 && width(text.substring(0, end).stripTrailing() + "…") > width) {
            end = text.offsetByCodePoints(end, -1);
        }
        return text.substring(0, end).stripTrailing() + "…";
    }

    private int fitting(String word, double width) {
        int end = 0;
        while (end < word.length()) {
            int next = word.offsetByCodePoints(end, 1);
            if (width(word.substring(0, next)) > width) {
                break;
            }
            end = next;
        }
        return end == 0 ? word.offsetByCodePoints(0, 1) : end;
    }

    /** Code points that are drawn: letters without accents, straight quotes. */
    private static int[] simplify(String text) {
        String plain =
                text.replace('\u2018', '\'')
                        .replace('\u2019', '\'')
                        .replace('\u201c', '"')
                        .replace('\u201d', '"');
        // The ellipsis would become three stops, which is wider.
        StringBuilder out = new StringBuilder();
        plain.codePoints()
                .forEach(c -> {
                    if (GLYPHS.containsKey(c)) {
                        out.appendCodePoint(c);
                    } else {
                        out.append(
                                Normalizer.normalize(Character.toString(c), Normalizer.Form.NFKD));
                    }
                });
        return out.codePoints()
                .filter(c -> Character.getType(c) != Character.NON_SPACING_MARK)
                .map(c -> Character.isWhitespace(c) || Character.isISOControl(c) ? ' ' : c)
                .toArray();
    }

    private static double advance(int character) {
        return character == ' ' ? SPACE : glyph(character).width() + GAP;
    }

    private static Glyph glyph(int character) {
        return GLYPHS.getOrDefault(character, BOX);
    }

    /** Whether the font has this character itself. */
    static boolean covers(int character) {
        return character == ' ' || GLYPHS.containsKey(character);
    }

    private static Map<Integer, Glyph> load() {
        try (InputStream in = StrokeFont.class.getResourceAsStream("stroke-font.txt")) {
            if (in == null) {
                throw new SoupException("The program's own file stroke-font.txt is missing.");
            }
            Map<Integer, Glyph> glyphs = new HashMap<>();
            String all = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            all.lines()
                    .filter(line -> !line.isEmpty() && !line.startsWith("##"))
                    .forEach(line -> read(line, glyphs));
            return Map.copyOf(glyphs);
        } catch (IOException e) {
            throw new SoupException("The program's own file stroke-font.txt cannot be read.", e);
        }
    }

    private static void read(String line, Map<Integer, Glyph> glyphs) {
        int character = line.codePointAt(0);
        Scanner in = new Scanner(line.substring(Character.charCount(character)));
        double width = number(in);
        Path2D path = new Path2D.Double();
        while (in.hasNext()) {
            String op = in.next();
            switch (op) {
                case "M" -> path.moveTo(number(in), number(in));
                case "L" -> path.lineTo(number(in), number(in));
                case "Q" -> path.quadTo(number(in), number(in), number(in), number(in));
                case "C" ->
                        path.curveTo(
                                number(in),
                                number(in),
                                number(in),
                                number(in),
                                number(in),
                                number(in));
                case "O" -> {
                    double[] e = {number(in), number(in), number(in), number(in)};
                    path.append(
                            new Ellipse2D.Double(e[0] - e[2], e[1] - e[3], 2 * e[2], 2 * e[3]),
                            false);
                }
                case "A" -> {
                    double[] e = {number(in), number(in), number(in), number(in)};
                    path.append(
                            new Arc2D.Double(
                                    e[0] - e[2],
                                    e[1] - e[3],
                                    2 * e[2],
                                    2 * e[3],
                                    number(in),
                                    number(in),
                                    Arc2D.OPEN),
                            false);
                }
                default ->
                        throw new SoupException(
                                "The line '%s' of stroke-font.txt has an unknown stroke '%s'."
                                        .formatted(line, op));
            }
        }
        glyphs.put(character, new Glyph(width, path));
    }

    /** Not {@code nextDouble}, which reads numbers as the user's locale writes them. */
    private static double number(Scanner in) {
        return Double.parseDouble(in.next());
    }

    private static Path2D box() {
        Path2D path = new Path2D.Double();
        path.append(new java.awt.geom.Rectangle2D.Double(0, 0, 5, 10), false);
        return path;
    }
}
