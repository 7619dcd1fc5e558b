package org.diffusionsoup.workbench.hub;

import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.diffusionsoup.core.SoupException;

/** Which files of a repository a model needs. */
final class Wanted {
    private static final String INDEX = "model_index.json";

    /**
     * Stem, variant, part of a sharded set, ending; as in model.fp16-00001-of-00002.safetensors.
     */
    private static final Pattern WEIGHTS =
            Pattern.compile(
                    "(.*?)(?:\\.([A-Za-z0-9_]+))?(?:-\\d{5}-of-\\d{5})?(?:\\.([A-Za-z0-9_]+))?"
                            + "\\.(safetensors|bin)");

    private static final Pattern SHARD_INDEX =
            Pattern.compile("(?s)(.*)\\.(safetensors|bin)\\.index(?:\\.([A-Za-z0-9_]+))?\\.json");

    private static final Pattern SMALL = Pattern.compile("(?s).*\\.(json|txt|model)");

    private Wanted() {}

    /**
     * The files of a model in diffusers layout: its index, and of every component the
     * configuration, the vocabulary and the weights once, as safetensors where there are any. Of
     * another repository its only safetensors file and a configuration beside it.
     *
     * @param variant word before the ending, such as {@code fp16}; empty for the full weights
     * @throws SoupException if there is no such model, or more than one
     */
    static List<RemoteFile> of(Listing listing, String variant) {
        boolean diffusers = listing.files().stream().anyMatch(f -> f.path().equals(INDEX));
        return diffusers ? diffusers(listing, variant) : single(listing);
    }

    private static List<RemoteFile> diffusers(Listing listing, String variant) {
        Set<RemoteFile> wanted = new LinkedHashSet<>();
        Set<String> components = new TreeSet<>();
        for (RemoteFile f : listing.files()) {
            if (f.path().equals(INDEX)) {
                wanted.add(f);
            } else if (!f.folder().isEmpty() && !f.folder().contains("/")) {
                if (SMALL.matcher(f.name()).matches() && !SHARD_INDEX.matcher(f.name()).matches()) {
                    wanted.add(f);
                }
                components.add(f.folder());
            }
        }
        boolean found = variant.isEmpty();
        for (String component : components) {
            List<RemoteFile> own =
                    listing.files().stream().filter(f -> f.folder().equals(component)).toList();
            List<RemoteFile> special = variant.isEmpty() ? List.of() : weights(own, variant);
            found |= !special.isEmpty();
            wanted.addAll(special.isEmpty() ? weights(own, "") : special);
        }
        if (!found) {
            throw new SoupException(
                    "None of the model's components has weights of the variant %s; leave `variant` out, or look at the repository's list of files."
                            .formatted(variant));
        }
        return List.copyOf(wanted);
    }

    /** Weights of one component and their index; safetensors before PyTorch's. */
    private static List<RemoteFile> weights(List<RemoteFile> files, String variant) {
        for (String ending : List.of("safetensors", "bin")) {
            List<RemoteFile> found = new ArrayList<>();
            for (RemoteFile f : files) {
                Matcher w = WEIGHTS.matcher(f.name());
                Matcher index = SHARD_INDEX.matcher(f.name());
                boolean is =
                        w.matches()
                                        && w.group(4).equals(ending)
                                        && variant.equals(variantOf(w))
                                        && isModel(w.group(1))
                                || index.matches()
                                        && index.group(2).equals(ending)
                                        && variant.equals(orEmpty(index.group(3)));
                if (is) {
                    found.add(f);
                }
            }
            if (!found.isEmpty()) {
                return found;
            }
        }
        return List.of();
    }

    /**
     * What diffusers and transformers call weights; others, such as openvino_model, are not ours.
     */
    private static boolean isModel(String stem) {
        return List.of("model", "diffusion_pytorch_model", "pytorch_model").contains(stem);
    }

    private static String variantOf(Matcher weights) {
        return orEmpty(weights.group(2)) + orEmpty(weights.group(3));
    }

    private static String orEmpty(String group) {
        return group == null ? "" : group;
    }

    private static List<RemoteFile> single(Listing listing) {
        List<RemoteFile> weights =
                listing.files().stream()
                        .filter(f -> f.folder().isEmpty() && f.name().endsWith(".safetensors"))
                        .toList();
        if (weights.size() != 1) {
            List<String> names = weights.stream().map(RemoteFile::path).toList();
            throw new SoupException(
                    weights.isEmpty()
                            ? "The repository has no model_index.json and no .safetensors file at its root; name the files to pull."
                            : "The repository holds several checkpoints; name the one to pull: "
                                    + String.join(
                                            ", ", names.subList(0, Math.min(12, names.size())))
                                    + (names.size() > 12 ? ", …" : "")
                                    + ".");
        }
        RemoteFile only = weights.getFirst();
        String yaml = only.path().replaceFirst("\\.safetensors$", ".yaml");
        return listing.files().stream()
                .filter(f -> f.equals(only) || f.path().equals(yaml))
                .toList();
    }

    /**
     * The files that patterns name.
     *
     * @param patterns paths, with {@code *} and {@code **} as in shells
     * @throws SoupException naming a pattern that no file has
     */
    static List<RemoteFile> matching(Listing listing, List<String> patterns) {
        Set<RemoteFile> wanted = new LinkedHashSet<>();
        for (String pattern : patterns) {
            PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + pattern);
            List<RemoteFile> found =
                    listing.files().stream()
                            .filter(f ->
                                    f.path().equals(pattern) || matcher.matches(Path.of(f.path())))
                            .toList();
            if (found.isEmpty()) {
                throw new SoupException("The repository has no file " + pattern + ".");
            }
            wanted.addAll(found);
        }
        return List.copyOf(wanted);
    }
}
