package org.diffusionsoup.data.emoji;

/** The picture sets, each one shard. Every constant's style word is the first word of captions. */
public enum EmojiProvider {
    /** Google's shaded emoji. */
    NOTO(
            "noto",
            "@iconify-json/noto",
            "1.2.9",
            "Apache-2.0",
            "Google Inc (Noto Emoji)",
            "https://github.com/googlefonts/noto-emoji",
            1.0),
    /** Microsoft's flat emoji. */
    FLUENT(
            "fluent",
            "@iconify-json/fluent-emoji-flat",
            "1.2.6",
            "MIT",
            "Microsoft Corporation (Fluent Emoji)",
            "https://github.com/microsoft/fluentui-emoji",
            0.0),
    /** Twitter's emoji, kept up by their former designers. */
    TWEMOJI(
            "twemoji",
            "@iconify-json/twemoji",
            "1.2.5",
            "CC-BY-4.0",
            "Twitter, Inc and other contributors (Twemoji)",
            "https://github.com/jdecked/twemoji",
            3.0),
    /** OpenMoji in colour: black outlines, flat fills. */
    OPENMOJI(
            "openmoji",
            "openmoji",
            "17.0.0",
            "CC-BY-SA-4.0",
            "the OpenMoji project, HfG Schwaebisch Gmuend",
            "https://openmoji.org",
            -4.0),
    /** OpenMoji as black line drawings of the same subjects. */
    LINEART(
            "lineart",
            "openmoji",
            "17.0.0",
            "CC-BY-SA-4.0",
            "the OpenMoji project, HfG Schwaebisch Gmuend",
            "https://openmoji.org",
            -4.0);

    private final String style;
    private final String npmPackage;
    private final String version;
    private final String licence;
    private final String author;
    private final String url;
    private final double margin;

    EmojiProvider(
            String style,
            String npmPackage,
            String version,
            String licence,
            String author,
            String url,
            double margin) {
        this.style = style;
        this.npmPackage = npmPackage;
        this.version = version;
        this.licence = licence;
        this.author = author;
        this.url = url;
        this.margin = margin;
    }

    /** The word captions start with; also the provider's and the shard's name. */
    public String style() {
        return style;
    }

    /** npm package the drawings come from. */
    public String npmPackage() {
        return npmPackage;
    }

    /** The pinned version of that package. */
    public String version() {
        return version;
    }

    /** SPDX identifier. */
    public String licence() {
        return licence;
    }

    /** Whom to credit. */
    public String author() {
        return author;
    }

    /** Where the set lives. */
    public String url() {
        return url;
    }

    /**
     * White border in pixels of a 64-pixel picture; negative where the drawings carry a border of
     * their own that is wider than the others'.
     */
    double margin() {
        return margin;
    }

    /** Whether this set counts as an artist of its own when asking how many drew a subject. */
    boolean countsAsArtist() {
        return this != LINEART;
    }
}
