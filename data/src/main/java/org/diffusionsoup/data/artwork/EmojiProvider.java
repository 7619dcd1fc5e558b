package org.diffusionsoup.data.artwork;

/** The open emoji sets, and whom to thank for them. */
public enum EmojiProvider {
    /** Google's shaded emoji. */
    NOTO(
            "noto",
            "shaded",
            "@iconify-json/noto",
            "1.2.9",
            "Apache-2.0",
            "Google Inc (Noto Emoji)",
            "https://github.com/googlefonts/noto-emoji"),
    /** Microsoft's flat emoji. */
    FLUENT(
            "fluent",
            "flat",
            "@iconify-json/fluent-emoji-flat",
            "1.2.6",
            "MIT",
            "Microsoft Corporation (Fluent Emoji)",
            "https://github.com/microsoft/fluentui-emoji"),
    /** Twitter's emoji, kept up by their former designers. */
    TWEMOJI(
            "twemoji",
            "simple",
            "@iconify-json/twemoji",
            "1.2.5",
            "CC-BY-4.0",
            "Twitter, Inc and other contributors (Twemoji)",
            "https://github.com/jdecked/twemoji"),
    /** OpenMoji in colour: black outlines, flat fills. */
    OPENMOJI(
            "openmoji",
            "outlined",
            "openmoji",
            "17.0.0",
            "CC-BY-SA-4.0",
            "the OpenMoji project, HfG Schwaebisch Gmuend",
            "https://openmoji.org"),
    /** OpenMoji as black line drawings of the same subjects. */
    LINEART(
            "lineart",
            "line art",
            "openmoji",
            "17.0.0",
            "CC-BY-SA-4.0",
            "the OpenMoji project, HfG Schwaebisch Gmuend",
            "https://openmoji.org");

    private final String id;
    private final String style;
    private final String npmPackage;
    private final String version;
    private final String licence;
    private final String author;
    private final String url;

    EmojiProvider(
            String id,
            String style,
            String npmPackage,
            String version,
            String licence,
            String author,
            String url) {
        this.id = id;
        this.style = style;
        this.npmPackage = npmPackage;
        this.version = version;
        this.licence = licence;
        this.author = author;
        this.url = url;
    }

    /** The set's name in one lower-case word, also the name of its tar. */
    public String id() {
        return id;
    }

    /** How the set's drawings look, in plain words that captions can use. */
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
}
