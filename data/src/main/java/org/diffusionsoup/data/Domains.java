package org.diffusionsoup.data;

import java.util.List;

/** The nine domains the paper shards by (Table 1), as words for views and files. */
public final class Domains {
    /** The paper's order: AN, BP, EL, AC, CL, FO, HA, PR, VE. */
    public static final List<String> PAPER =
            List.of(
                    "animals",
                    "body-parts",
                    "electronics",
                    "accessories",
                    "clothes",
                    "food",
                    "hardlines",
                    "products",
                    "vehicles");

    /** For what belongs to none of the nine, such as smileys, nature and places. */
    public static final String OTHER = "other";

    private Domains() {}
}
