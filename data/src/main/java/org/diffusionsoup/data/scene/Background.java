package org.diffusionsoup.data.scene;

import java.util.random.RandomGenerator;

/**
 * What lies behind the things of a scene.
 *
 * @param kind how the colour is laid out
 * @param colour the colour a caption names
 * @param seed of its shade, width and phase
 */
public record Background(Kind kind, SceneColour colour, long seed) {
    /** Layouts, each with the word between colour and "background". */
    public enum Kind {
        PLAIN(""),
        GRADIENT("gradient "),
        STRIPES("striped "),
        DOTS("dotted "),
        CHECKS("checked ");

        private final String word;

        Kind(String word) {
            this.word = word;
        }

        /** The word before "background" with a space behind it; empty where it is plain. */
        String word() {
            return word;
        }
    }

    /** Such as "a blue striped background". */
    public String phrase() {
        return Words.article(colour.word())
                + " "
                + colour.word()
                + " "
                + kind.word()
                + "background";
    }

    /** Paints it over the whole canvas. */
    void paint(Canvas canvas) {
        RandomGenerator random = Seeds.random(seed, 11);
        float[] first = new float[3];
        float[] second = new float[3];
        boolean white = colour == SceneColour.WHITE;
        // White stays white where it is plain; every other colour varies a little.
        float jitter = white ? 0 : 14;
        // The second tone is a lighter one of the same colour, or a greyer one of light colours.
        boolean light = white || colour == SceneColour.YELLOW || colour == SceneColour.PINK;
        float mix = 0.35f + 0.2f * random.nextFloat();
        for (int c = 0; c < 3; c++) {
            float base = colour.channel(c) + jitter * (2 * random.nextFloat() - 1);
            first[c] = Math.clamp(base, 0, 255);
            second[c] =
                    light && kind != Kind.GRADIENT
                            ? first[c] * (white ? 0.86f : 0.82f)
                            : first[c] + mix * (255 - first[c]);
        }
        if (white && kind == Kind.GRADIENT) {
            second[0] = second[1] = second[2] = 205;
        }
        float angle = random.nextInt(4) * 45;
        float cos = (float) Math.cos(Math.toRadians(angle));
        float sin = (float) Math.sin(Math.toRadians(angle));
        float period = 7 + 5 * random.nextFloat();
        float phase = period * random.nextFloat();
        canvas.fill((x, y, out) -> {
            float share =
                    switch (kind) {
                        case PLAIN -> 0;
                        case GRADIENT ->
                                Math.clamp(0.5f + ((x - 0.5f) * cos + (y - 0.5f) * sin), 0, 1);
                        case STRIPES -> wave((x * cos + y * sin) * canvas.side() + phase, period);
                        case DOTS ->
                                dot(x * canvas.side() + phase, y * canvas.side() + phase, period);
                        case CHECKS -> check(x * canvas.side(), y * canvas.side(), period);
                    };
            for (int c = 0; c < 3; c++) {
                out[c] = first[c] + share * (second[c] - first[c]);
            }
        });
    }

    /** 0 or 1 by turns, half a period each, with a soft edge of a pixel. */
    private static float wave(float at, float period) {
        float p = at / period;
        float in = p - (float) Math.floor(p); // [0, 1)
        float edge = Math.min(Math.min(in, 1 - in), Math.abs(in - 0.5f)) * period;
        float soft = Math.min(1, edge + 0.5f);
        return in < 0.5f ? 1 - soft : soft;
    }

    private static float dot(float x, float y, float period) {
        float dx = x - period * Math.round(x / period);
        float dy = y - period * Math.round(y / period);
        float distance = (float) Math.sqrt(dx * dx + dy * dy);
        return Math.clamp(period * 0.27f - distance + 0.5f, 0, 1);
    }

    private static float check(float x, float y, float period) {
        int cell = (int) Math.floor(x / period) + (int) Math.floor(y / period);
        return (cell & 1) == 0 ? 0 : 1;
    }
}
